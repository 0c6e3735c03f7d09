import { AsyncLocalStorage } from 'node:async_hooks';
import { Logger } from '@nestjs/common';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { XeniooEntry } from '../../../lib/events/parse-entry.js';
import { OnXeniooFailed } from '../../../lib/handlers/on-xenioo-failed.decorator.js';
import { OnXenioo } from '../../../lib/handlers/on-xenioo.decorator.js';
import type { XeniooDeadLetter } from '../../../lib/handlers/xenioo-dead-letter.js';
import type {
  XeniooHandlerResult,
  XeniooTask,
} from '../../../lib/handlers/xenioo-task.js';
import type { XeniooDuplicates } from '../../../lib/handlers/xenioo.observers.js';
import { deadLetterOf } from '../../../lib/inbox/record-run.js';
import type { XeniooRunner } from '../../../lib/inbox/xenioo.inbox.js';
import {
  MemoryInbox,
  type MemoryInboxSettings,
} from '../../../lib/memory/memory.inbox.js';
import type { XeniooSettings } from '../../../lib/options/xenioo.options.js';
import { XeniooInboxError } from '../../../lib/xenioo.errors.js';
import { isSettled } from '../../support/is-settled.js';
import { LogRecorder } from '../../support/log-recorder.js';
import { eventOf, invalidOf } from '../../support/entry-of.js';
import { AT_ONCE, startDispatcher } from '../../support/start-dispatcher.js';

const HOUR_MS = 3_600_000;
const RECEIVED_AT = new Date('2024-05-01T12:00:00Z');
const down = new Error('CRM is down');

/** Lets the inbox do what it put off for a turn of the event loop. */
async function turn(): Promise<void> {
  await new Promise(setImmediate);
  await new Promise(setImmediate);
}

/** Results of `Crm.save`. */
const retryIn = (ms: number): XeniooHandlerResult => ({
  handler: 'Crm.save',
  status: 'retry',
  attempts: 1,
  retryAt: Date.now() + ms,
  error: down,
});

const FAILED: XeniooHandlerResult = {
  handler: 'Crm.save',
  status: 'failed',
  attempts: 3,
  error: down,
};

/** Handlers that end when and how the test says. */
class Handlers implements XeniooRunner {
  readonly runs: XeniooTask[] = [];
  readonly areLast: (boolean | undefined)[] = [];
  readonly announced: [XeniooDeadLetter, unknown][] = [];
  readonly duplicates: XeniooDuplicates[] = [];
  whenAnnounced: () => Promise<void> = async () => {};
  private readonly ends: ((results: XeniooHandlerResult[]) => void)[] = [];

  async run(
    task: XeniooTask,
    { isLast }: { isLast?: boolean } = {},
  ): Promise<XeniooHandlerResult[]> {
    this.runs.push(task);
    this.areLast.push(isLast);
    return new Promise(resolve => this.ends.push(resolve));
  }

  async announce(letter: XeniooDeadLetter, error?: unknown): Promise<void> {
    this.announced.push([letter, error]);
    await this.whenAnnounced();
  }

  reportDuplicates(duplicates: XeniooDuplicates): void {
    this.duplicates.push(duplicates);
  }

  get running(): number {
    return this.ends.length;
  }

  /** Texts of the events, in the order in which they ran. */
  get texts(): unknown[] {
    return this.runs.map(({ entry }) => (entry.raw as { Data: string }).Data);
  }

  /** Ends the oldest run. */
  async end(...results: XeniooHandlerResult[]): Promise<void> {
    this.ends.shift()!(results);
    await turn();
  }

  async endAll(): Promise<void> {
    while (this.running > 0) await this.end();
  }
}

type Settings = MemoryInboxSettings &
  Pick<XeniooSettings, 'concurrency' | 'dedupe' | 'acceptTimeoutMs'>;

/** An inbox that answers at once and drops no duplicates unless the test says otherwise. */
function create(given: Partial<Settings> = {}) {
  const settings = {
    maxPending: 100_000,
    acknowledgeWithinMs: 0,
    concurrency: 32,
    dedupe: false as const,
    acceptTimeoutMs: 60_000,
    ...given,
  };
  const inbox = new MemoryInbox(settings, settings);
  const answer = (...entries: XeniooEntry[]) =>
    inbox.accept({ bot: 'support', receivedAt: RECEIVED_AT, entries });
  /** Has a call answered, and its handlers started. */
  const accept = async (...entries: XeniooEntry[]) => {
    await answer(...entries);
    await turn();
  };
  return { inbox, handlers: new Handlers(), answer, accept };
}

async function start(given?: Partial<Settings>) {
  const created = create(given);
  await created.inbox.start(created.handlers);
  return created;
}

const said = (Data: string, ConversationId: string | null = null) =>
  eventOf({ Type: 1, Data, ConversationId });

const dated = (Data: string) =>
  eventOf({ Type: 1, Data, Date: '2024-05-01T12:00:00Z' });

function useFakeTimers() {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'],
  });
  onTestFinished(() => void vi.useRealTimers());
}

let logs: LogRecorder;

beforeEach(() => {
  logs = new LogRecorder();
  Logger.overrideLogger(logs);
});

describe('acknowledgeWithinMs', () => {
  it('makes the answer wait for the first runs of the call', async () => {
    const { handlers, accept } = await start({ acknowledgeWithinMs: 1_500 });
    const accepted = accept(said('a'), said('b'));
    await turn();

    await handlers.end();
    expect(await isSettled(accepted)).toBe(false);
    await handlers.end();
    expect(await isSettled(accepted)).toBe(true);
  });

  it('is the longest time that the answer waits, and the handlers go on', async () => {
    useFakeTimers();
    const { inbox, handlers, accept } = await start({
      acknowledgeWithinMs: 1_500,
    });
    const accepted = accept(said('a'), said('b'));
    await turn();

    await vi.advanceTimersByTimeAsync(1_499);
    expect(await isSettled(accepted)).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await isSettled(accepted)).toBe(true);
    expect(handlers.running).toBe(2);
    await handlers.endAll();
    await inbox.idle();
  });

  it('is no reason to answer after acceptTimeoutMs', async () => {
    useFakeTimers();
    const { handlers, accept } = await start({
      acknowledgeWithinMs: 1_500,
      acceptTimeoutMs: 2_000,
      maxPending: 1,
    });
    void accept(said('first'));
    const accepted = accept(said('second'));
    await turn();
    await vi.advanceTimersByTimeAsync(1_000);
    await handlers.end();
    expect(handlers.texts).toEqual(['first', 'second']);

    await vi.advanceTimersByTimeAsync(999);
    expect(await isSettled(accepted)).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await isSettled(accepted)).toBe(true);
  });

  it('does not make the answer wait for a retry', async () => {
    const { handlers, accept } = await start({ acknowledgeWithinMs: 1_500 });
    const accepted = accept(said('a'));
    await turn();

    await handlers.end(retryIn(HOUR_MS));

    expect(await isSettled(accepted)).toBe(true);
  });

  it('makes the answer wait for @OnXeniooInvalid() handlers, and not for @OnXeniooFailed()', async () => {
    const { handlers, answer } = await start({ acknowledgeWithinMs: 1_500 });
    let announced = () => {};
    handlers.whenAnnounced = () =>
      new Promise<void>(resolve => (announced = resolve));
    const [failed, invalid] = [answer(said('a')), answer(invalidOf('text'))];
    await turn();

    await handlers.end(FAILED);
    await handlers.end();
    expect(await isSettled(failed)).toBe(true);
    expect(await isSettled(invalid)).toBe(false);
    announced();
    expect(await isSettled(invalid)).toBe(true);
  });

  it.each([
    ['is 0', 0, [said('a')]],
    ['has nothing to wait for', 1_500, []],
  ])('lets the answer go at once where it %s', async (_why, ms, entries) => {
    const { handlers, answer } = await start({ acknowledgeWithinMs: ms });

    expect(await isSettled(answer(...entries))).toBe(true);
    await turn();
    expect(handlers.running).toBe(entries.length);
  });
});

describe('maxPending', () => {
  it('refuses a call when no capacity becomes free, and takes nothing of it', async () => {
    const { handlers, accept } = await start({
      maxPending: 2,
      acceptTimeoutMs: 10,
    });
    await accept(said('a'), said('b'));

    await expect(accept(said('c'), said('d'))).rejects.toThrow(
      new XeniooInboxError(
        'the memory inbox is full: 2 events are pending, and no capacity became free within 10 ms (`acceptTimeoutMs`). Look for handlers that are slow or never end. The limit is `maxPending` (2); `concurrency` (32) events are handled at once',
      ),
    );
    await handlers.endAll();
    expect(handlers.texts).toEqual(['a', 'b']);
  });

  it('lets a call wait for capacity', async () => {
    const { handlers, accept } = await start({ maxPending: 1 });
    await accept(said('a'));
    const accepted = accept(said('b'), said('c'));
    expect(await isSettled(accepted)).toBe(false);

    await handlers.end();
    await accepted;
    expect(handlers.texts).toEqual(['a', 'b', 'c']);
  });

  it('accepts a call whole while one more event may be pending', async () => {
    const { accept } = await start({ maxPending: 2, acceptTimeoutMs: 0 });
    await accept(said('a'));
    await accept(...Array.from({ length: 50 }, () => said('b')));

    await expect(accept(said('c'))).rejects.toThrow('51 events are pending');
  });

  it('accepts an empty call though the inbox is full', async () => {
    const { accept } = await start({ maxPending: 1, acceptTimeoutMs: 0 });
    await accept(said('a'));

    await expect(accept()).resolves.toBeUndefined();
  });

  it('counts an event that waits for its retry', async () => {
    const { inbox, handlers, accept } = await start({
      maxPending: 1,
      acceptTimeoutMs: 0,
    });
    await accept(said('a'));
    await handlers.end(retryIn(HOUR_MS));

    expect(await isSettled(inbox.idle())).toBe(false);
    await expect(accept(said('b'))).rejects.toThrow(XeniooInboxError);
  });

  it('counts an event until its dead letter was announced', async () => {
    const { inbox, handlers, accept } = await start();
    let announced = () => {};
    handlers.whenAnnounced = () =>
      new Promise<void>(resolve => (announced = resolve));
    await accept(said('a'));
    await handlers.end(FAILED);

    expect(await isSettled(inbox.idle())).toBe(false);
    announced();
    expect(await isSettled(inbox.idle())).toBe(true);
  });

  it('does not hold a replay back, which is pending all the same', async () => {
    const { inbox, handlers, accept } = await start({ maxPending: 1 });
    const letter = deadLetterOf(said('a'));
    inbox.deadLetters.add(letter);
    await accept(said('b'));

    await inbox.deadLetters.replay(letter.id, [
      { entry: letter.entry, attempts: 0 },
    ]);
    await turn();
    expect(handlers.texts).toEqual(['b', 'a']);
    await handlers.end();
    expect(await isSettled(inbox.idle())).toBe(false);
    await handlers.end();
    expect(await isSettled(inbox.idle())).toBe(true);
  });
});

describe('dedupe', () => {
  const dedupe = { ttlSeconds: 60, maxIds: 100 };

  it('reports the duplicates of a call, which take no capacity', async () => {
    const { inbox, handlers, accept } = await start({ dedupe });
    await accept(dated('a'), dated('a'), said('b'));
    await accept(dated('a'));

    expect(handlers.texts).toEqual(['a', 'b']);
    expect(handlers.duplicates).toEqual([
      { bot: 'support', count: 1 },
      { bot: 'support', count: 1 },
    ]);
    await handlers.endAll();
    expect(await isSettled(inbox.idle())).toBe(true);
  });

  it('answers a call of duplicates at once', async () => {
    const { accept, answer } = await start({
      dedupe,
      acknowledgeWithinMs: 1_500,
    });
    void accept(dated('a'));
    await turn();

    expect(await isSettled(answer(dated('a')))).toBe(true);
  });

  it('accepts an event that comes again after its call was refused', async () => {
    const { handlers, accept } = await start({
      dedupe,
      maxPending: 1,
      acceptTimeoutMs: 0,
    });
    await accept(said('first'));
    await expect(accept(dated('a'))).rejects.toThrow(XeniooInboxError);

    await handlers.endAll();
    await accept(dated('a'));

    expect(handlers.texts).toEqual(['first', 'a']);
  });
});

describe('a retry', () => {
  it('runs the handler when it is due, and not before', async () => {
    useFakeTimers();
    const { inbox, handlers, accept } = await start();
    const event = said('a');
    await accept(event);
    await handlers.end(retryIn(300));

    await vi.advanceTimersByTimeAsync(299);
    await turn();
    expect(handlers.running).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    await turn();
    expect(handlers.runs[1]).toMatchObject({
      entry: event,
      handler: 'Crm.save',
      attempts: 1,
    });
    await handlers.end();
    expect(await isSettled(inbox.idle())).toBe(true);
  });

  it.each([-HOUR_MS, HOUR_MS])(
    'comes in time though the clock steps by %i ms',
    async ms => {
      useFakeTimers();
      const { handlers, accept } = await start();
      await accept(said('a'));
      await handlers.end(retryIn(300));

      vi.setSystemTime(Date.now() + ms);
      await vi.advanceTimersByTimeAsync(299);
      await turn();
      expect(handlers.running).toBe(0);
      await vi.advanceTimersByTimeAsync(1);
      await turn();
      expect(handlers.running).toBe(1);
    },
  );

  it('holds back no other event of its conversation, nor waits for one', async () => {
    const { handlers, accept } = await start();
    await accept(said('a', 'c1'), said('b', 'c1'));
    expect(handlers.texts).toEqual(['a']);

    await handlers.end(retryIn(0));

    await expect.poll(() => handlers.running).toBe(2);
    expect(handlers.texts.toSorted()).toEqual(['a', 'a', 'b']);
  });
});

it('stores a dead letter before it announces it, with what was thrown', async () => {
  const { inbox, handlers, accept } = await start();
  let stored: XeniooDeadLetter[] = [];
  handlers.whenAnnounced = async () => {
    stored = await inbox.deadLetters.list();
  };
  const event = said('a');
  await accept(event);
  await handlers.end(FAILED);

  expect(stored).toMatchObject([
    {
      id: `${event.id}.Crm.save`,
      kind: 'event',
      handler: 'Crm.save',
      attempts: 3,
      error: { message: 'CRM is down' },
    },
  ]);
  expect(handlers.announced).toEqual([[stored[0], down]]);
});

describe('draining', () => {
  it('runs waiting retries at once, for the last time', async () => {
    const { inbox, handlers, accept } = await start();
    await accept(said('a'), said('b'));
    await handlers.end(retryIn(HOUR_MS));
    await handlers.end(retryIn(2 * HOUR_MS));

    const drained = inbox.drain();
    await turn();

    expect(handlers.texts).toEqual(['a', 'b', 'a', 'b']);
    expect(handlers.areLast).toEqual([false, false, true, true]);
    await handlers.end();
    expect(await isSettled(drained)).toBe(false);
    await handlers.end(FAILED);
    expect(await isSettled(drained)).toBe(true);
    expect(await inbox.deadLetters.list()).toHaveLength(1);
  });

  it('runs a retry at once that follows meanwhile', async () => {
    const { inbox, handlers, accept } = await start({ concurrency: 1 });
    await accept(said('a'), said('b'));
    const drained = inbox.drain();

    await handlers.end(retryIn(HOUR_MS));
    await handlers.endAll();

    expect(await isSettled(drained)).toBe(true);
    expect(handlers.texts).toEqual(['a', 'b', 'a']);
    expect(handlers.areLast).toEqual([false, true, true]);
  });

  it('runs nothing twice', async () => {
    const { inbox, handlers, accept } = await start();
    await accept(said('a'), said('b'));
    await handlers.end(retryIn(0));
    await handlers.end(retryIn(HOUR_MS));
    await expect.poll(() => handlers.running).toBe(1);
    await handlers.end();

    void inbox.drain();
    const stopped = inbox.stop(60_000);
    await turn();
    await handlers.endAll();
    await stopped;

    expect(handlers.texts).toEqual(['a', 'b', 'a', 'b']);
  });

  it('accepts calls still', async () => {
    const { inbox, handlers, accept } = await start();
    await inbox.drain();

    await accept(said('a'));

    expect(handlers.texts).toEqual(['a']);
  });

  it('ends a pause: what is pending would be lost', async () => {
    const { inbox, handlers, accept } = await start();
    await inbox.pause();
    await accept(said('a'));

    const drained = inbox.drain();
    await turn();
    await handlers.endAll();

    expect(await isSettled(drained)).toBe(true);
    expect(handlers.texts).toEqual(['a']);
  });
});

describe('stopping', () => {
  it('refuses calls, waiting ones at once', async () => {
    const { inbox, handlers, accept } = await start({ maxPending: 1 });
    await accept(said('a'));
    const waiting = accept(said('b'));

    const stopped = inbox.stop(60_000);

    const calls = await Promise.allSettled([waiting, accept(said('c'))]);
    const reason = new XeniooInboxError('the memory inbox has stopped');
    expect(calls).toEqual([
      { status: 'rejected', reason },
      { status: 'rejected', reason },
    ]);
    await handlers.endAll();
    await stopped;
    expect(handlers.texts).toEqual(['a']);
  });

  it('handles what is pending, and logs nothing', async () => {
    const { inbox, handlers, accept } = await start({ concurrency: 1 });
    await accept(said('a'), said('b'), said('c'));
    const stopped = inbox.stop(60_000);
    await handlers.endAll();
    await stopped;

    expect(handlers.texts).toEqual(['a', 'b', 'c']);
    expect(logs.lines).toEqual([]);
  });

  it('ends after its time, starts nothing more, and warns of what is lost', async () => {
    const { inbox, handlers, accept } = await start({ concurrency: 1 });
    await accept(said('a'), said('b'), said('c'));
    await inbox.stop(20);
    await handlers.end();

    expect(handlers.texts).toEqual(['a']);
    expect(logs.ofXenioo('warn')).toEqual([
      'Stopping after 20 ms with 3 events unhandled: they are lost. If handlers need longer, raise `shutdownTimeoutMs`; a durable inbox would keep them.',
    ]);
  });

  it('leaves no timer of a retry', async () => {
    useFakeTimers();
    const { inbox, handlers, accept } = await start();
    await accept(said('a'));
    await handlers.end(retryIn(HOUR_MS));
    expect(vi.getTimerCount()).toBe(1);

    const stopped = inbox.stop(60_000);
    await turn();
    await handlers.endAll();
    await stopped;

    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('pausing', () => {
  it('starts no handler, and accepts calls', async () => {
    const { inbox, handlers, accept } = await start();
    await accept(said('a', 'c1'));
    await inbox.pause();
    await accept(said('b', 'c1'), said('c'));
    await handlers.end();
    expect(handlers.texts).toEqual(['a']);

    await inbox.resume();
    await turn();
    expect(handlers.texts.toSorted()).toEqual(['a', 'b', 'c']);
  });

  it('holds a retry back that is due meanwhile', async () => {
    useFakeTimers();
    const { inbox, handlers, accept } = await start();
    await accept(said('a'));
    await handlers.end(retryIn(300));
    await inbox.pause();
    await vi.advanceTimersByTimeAsync(1_000);
    await turn();
    expect(handlers.runs).toHaveLength(1);

    await inbox.resume();
    await turn();
    expect(handlers.runs).toHaveLength(2);
  });

  it('goes on when the inbox starts', async () => {
    const { inbox, handlers, accept } = create();
    await inbox.pause();
    await inbox.start(handlers);
    await accept(said('a'));
    await turn();
    expect(handlers.runs).toEqual([]);

    await inbox.resume();
    await turn();
    expect(handlers.texts).toEqual(['a']);
  });
});

describe('before it is started', () => {
  it('accepts calls, and runs them once it is', async () => {
    const { inbox, handlers, accept } = create({
      dedupe: { ttlSeconds: 60, maxIds: 100 },
    });
    await accept(dated('a'), dated('a'));
    await inbox.resume();
    await turn();

    await inbox.start(handlers);
    await turn();
    expect(handlers.texts).toEqual(['a']);
  });

  it('stops, and warns of what is lost', async () => {
    const { inbox, accept } = create();
    await accept(said('a'));

    await inbox.stop(10);

    expect(logs.ofXenioo('warn')).toEqual([
      expect.stringContaining('with 1 events unhandled'),
    ]);
  });
});

describe('stats', () => {
  const EMPTY = {
    pending: 0,
    running: 0,
    retries: 0,
    deadLetters: 0,
    oldestPendingAt: undefined,
  };

  it('count events, handlers, retries and dead letters', async () => {
    const { inbox, handlers, accept } = await start({ concurrency: 1 });
    expect(await inbox.stats()).toEqual(EMPTY);
    await accept(said('a'), said('b'));
    expect(await inbox.stats()).toEqual({
      ...EMPTY,
      pending: 2,
      running: 1,
      oldestPendingAt: RECEIVED_AT,
    });

    await handlers.end(retryIn(HOUR_MS), FAILED);
    expect(await inbox.stats()).toEqual({
      pending: 1,
      running: 1,
      retries: 1,
      deadLetters: 1,
      oldestPendingAt: RECEIVED_AT,
    });

    await handlers.end();
    expect(await inbox.stats()).toEqual({
      ...EMPTY,
      retries: 1,
      deadLetters: 1,
    });

    void inbox.drain();
    await turn();
    expect(await inbox.stats()).toMatchObject({ running: 1, retries: 1 });
    await handlers.endAll();
    expect(await inbox.stats()).toEqual({ ...EMPTY, deadLetters: 1 });
  });

  it('have the time of the oldest call with a pending event', async () => {
    const { inbox, handlers } = await start();
    const times = [1, 2, 3].map(n => new Date(RECEIVED_AT.getTime() + n));
    for (const receivedAt of times) {
      const entries = [said('x')];
      await inbox.accept({ bot: 'support', receivedAt, entries });
    }
    await turn();

    for (const oldestPendingAt of [...times, undefined]) {
      expect(await inbox.stats()).toMatchObject({ oldestPendingAt });
      if (oldestPendingAt) await handlers.end();
    }
  });
});

it('runs no handler or retry in the async context of a call', async () => {
  const requests = new AsyncLocalStorage<number>();
  const seen: unknown[] = [];
  class Crm {
    @OnXenioo()
    async save(): Promise<void> {
      seen.push(requests.getStore());
      await new Promise(setImmediate);
      seen.push(requests.getStore());
      throw down;
    }

    @OnXeniooFailed()
    alarm(): void {
      seen.push(requests.getStore());
    }
  }
  const { dispatcher } = await startDispatcher([Crm], {
    retry: { ...AT_ONCE, attempts: 2 },
    handlerTimeoutMs: 60_000,
  });
  const { inbox, accept } = create({ concurrency: 4 });
  await inbox.start(dispatcher);

  await Promise.all(
    Array.from({ length: 200 }, (_, n) =>
      requests.run(n, () => accept(said('x', `conversation ${n % 20}`))),
    ),
  );
  await inbox.idle();

  expect(seen).toHaveLength(1_000);
  expect(new Set(seen)).toEqual(new Set([undefined]));
});
