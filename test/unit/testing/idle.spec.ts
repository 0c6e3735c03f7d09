import { describe, expect, it } from 'vitest';
import { idle } from '../../../lib/testing/idle.js';
import { dispatched } from '../../../lib/testing/received.js';
import { xeniooEntry } from '../../../lib/simulator/xenioo-entry.js';
import { startContext } from '../../support/testing-context.js';

const message = (Data: string) => xeniooEntry.userMessage({ Data });

describe('idle()', () => {
  it('resolves at once when nothing is pending', async () => {
    const { app } = await startContext();

    await expect(idle(app)).resolves.toBe(undefined);
    await expect(idle(app, { timeoutMs: 1 })).resolves.toBe(undefined);
  });

  it('resolves when every handler is done', async () => {
    const { app, crm, accept } = await startContext();
    let end = () => {};
    crm.work = () => new Promise<void>(resolve => (end = resolve));
    await accept(message('a'));
    let isIdle = false;
    const done = idle(app).then(() => (isIdle = true));
    await new Promise(setImmediate);
    expect(isIdle).toBe(false);

    end();
    await done;
    expect(crm.texts).toEqual(['a']);
  });

  it('waits for retries', async () => {
    const { app, crm, accept } = await startContext({
      retry: { attempts: 3, delayMs: 5, backoff: 'fixed' },
    });
    let attempts = 0;
    crm.work = () => {
      if (++attempts < 3) throw new Error('not yet');
    };
    await accept(message('a'));
    await idle(app);

    expect(attempts).toBe(3);
    expect(crm.texts).toEqual(['a']);
  });

  it('waits for events that a handler sends to its own application', async () => {
    const { app, crm, accept } = await startContext();
    crm.work = async ({ text }) => {
      if (text !== 'aaa') await accept(message(`${text}a`));
    };
    await accept(message('a'));
    await idle(app);

    expect(crm.texts.toSorted()).toEqual(['a', 'aa', 'aaa']);
  });

  it('waits for events that a handler sends to another instance of the module', async () => {
    const { app, crm, acceptAt } = await startContext(
      {},
      { path: 'other', secret: 'other-secret' },
    );
    const ends: (() => void)[] = [];
    crm.work = ({ text }) =>
      text === 'brings'
        ? acceptAt[0]!(message('brought'))
        : new Promise<void>(resolve => ends.push(resolve));
    dispatched(app);
    await acceptAt[1]!(message('brings'));
    let isIdle = false;
    const done = idle(app).then(() => (isIdle = true));
    await expect.poll(() => crm.texts).toEqual(['brings']);
    await expect.poll(() => ends).toHaveLength(1);
    await new Promise(setImmediate);
    expect(isIdle).toBe(false);

    ends[0]!();
    await done;
    expect(crm.texts).toEqual(['brings', 'brought']);
  });

  it('names the handler that is waiting for a retry', async () => {
    const { app, crm, accept } = await startContext({
      retry: { attempts: 2, delayMs: 60_000 },
      shutdownTimeoutMs: 0,
    });
    crm.work = () => {
      throw new Error('CRM is down');
    };
    dispatched(app);
    await accept(message('a'));
    await expect.poll(() => dispatched(app)).toHaveLength(1);

    await expect(idle(app, { timeoutMs: 0 })).rejects.toThrow(
      /^Events are still pending after 0 ms\. Crm\.save waits \d+ ms for attempt 2 on user-message \S+\. If retries take too long/,
    );
  });

  it('names five running handlers and the number of others, and no words of a person', async () => {
    const { app, crm, accept } = await startContext();
    const ends: (() => void)[] = [];
    crm.work = () => new Promise<void>(resolve => ends.push(resolve));
    dispatched(app);
    await accept(...Array.from({ length: 8 }, () => message('my words')));
    await expect.poll(() => ends).toHaveLength(8);

    const error = await idle(app, { timeoutMs: 50 }).catch(
      (thrown: Error) => thrown,
    );
    expect(String(error)).toMatch(
      /^XeniooTestingError: Events are still pending after 50 ms\. (Crm\.save has been running for \d+ ms on user-message \S+ \(attempt 1\); ){5}and 3 more\./,
    );
    expect(String(error)).not.toContain('my words');
    ends.forEach(end => end());
    await idle(app);
  });

  it('mentions events that were accepted before its first use', async () => {
    const { app, crm, accept } = await startContext();
    const ends: (() => void)[] = [];
    crm.work = () => new Promise<void>(resolve => ends.push(resolve));
    await accept(message('a'));
    await expect.poll(() => ends).toHaveLength(1);

    await expect(idle(app, { timeoutMs: 20 })).rejects.toThrow(
      'They arrived before the testing kit was first used, an `@OnXeniooFailed()` or `@OnXeniooInvalid()` handler is still running, another process handles them, or processing is paused.',
    );
    ends[0]!();
    await idle(app);
  });

  it.each([-1, NaN, Infinity, 2 ** 31])(
    'rejects a time-out of %d ms',
    async timeoutMs => {
      const { app } = await startContext();

      await expect(idle(app, { timeoutMs })).rejects.toThrow(
        `idle(): expected \`timeoutMs\` to be a whole number from 0 to 2147483647, got ${timeoutMs}.`,
      );
    },
  );
});
