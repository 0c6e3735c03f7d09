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

/** Waits for work that the inbox defers to the next turn of the event loop. */
async function nextTurn(): Promise<void> {
  await new Promise(setImmediate);
  await new Promise(setImmediate);
}

/** Returns a result of `Crm.save` with a retry. */
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

/** Runner whose runs the test ends with the results it chooses. */
class ControlledRunner implements XeniooRunner {
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
    await nextTurn();
  }

  async endAll(): Promise<void> {
    while (this.running > 0) await this.end();
  }
}

type Settings = MemoryInboxSettings &
  Pick<XeniooSettings, 'concurrency' | 'dedupe' | 'acceptTimeoutMs'>;

/** Creates an inbox that by default answers at once and drops no duplicates. */
function createInbox(given: Partial<Settings> = {}) {
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
  /** Accepts a call and waits until its handlers have started. */
  const accept = async (...entries: XeniooEntry[]) => {
    await answer(...entries);
    await nextTurn();
  };
  return { inbox, handlers: new ControlledRunner(), answer, accept };
}

async function startInbox(given?: Partial<Settings>) {
  const created = createInbox(given);
  await created.inbox.start(created.handlers);
  return created;
}

const messageEvent = (Data: string, ConversationId: string | null = null) =>
  eventOf({ Type: 1, Data, ConversationId });

const datedEvent = (Data: string) =>
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

describe('MemoryInbox `acknowledgeWithinMs`', () => {
  it('delays the answer until the first runs of the call have finished', async () => {
    const { handlers, accept } = await startInbox({
      acknowledgeWithinMs: 1_500,
    });
    const accepted = accept(messageEvent('a'), messageEvent('b'));
    await nextTurn();

    await handlers.end();
    expect(await isSettled(accepted)).toBe(false);
    await handlers.end();
    expect(await isSettled(accepted)).toBe(true);
  });

  it('limits the delay of the answer and lets the handlers continue', async () => {
    useFakeTimers();
    const { inbox, handlers, accept } = await startInbox({
      acknowledgeWithinMs: 1_500,
    });
    const accepted = accept(messageEvent('a'), messageEvent('b'));
    await nextTurn();

    await vi.advanceTimersByTimeAsync(1_499);
    expect(await isSettled(accepted)).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await isSettled(accepted)).toBe(true);
    expect(handlers.running).toBe(2);
    await handlers.endAll();
    await inbox.idle();
  });

  it('does not delay the answer beyond acceptTimeoutMs', async () => {
    useFakeTimers();
    const { handlers, accept } = await startInbox({
      acknowledgeWithinMs: 1_500,
      acceptTimeoutMs: 2_000,
      maxPending: 1,
    });
    void accept(messageEvent('first'));
    const accepted = accept(messageEvent('second'));
    await nextTurn();
    await vi.advanceTimersByTimeAsync(1_000);
    await handlers.end();
    expect(handlers.texts).toEqual(['first', 'second']);

    await vi.advanceTimersByTimeAsync(999);
    expect(await isSettled(accepted)).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await isSettled(accepted)).toBe(true);
  });

  it('does not delay the answer for a retry', async () => {
    const { handlers, accept } = await startInbox({
      acknowledgeWithinMs: 1_500,
    });
    const accepted = accept(messageEvent('a'));
    await nextTurn();

    await handlers.end(retryIn(HOUR_MS));

    expect(await isSettled(accepted)).toBe(true);
  });

  it('delays the answer for @OnXeniooInvalid() handlers but not for @OnXeniooFailed()', async () => {
    const { handlers, answer } = await startInbox({
      acknowledgeWithinMs: 1_500,
    });
    let announced = () => {};
    handlers.whenAnnounced = () =>
      new Promise<void>(resolve => (announced = resolve));
    const [failed, invalid] = [
      answer(messageEvent('a')),
      answer(invalidOf('text')),
    ];
    await nextTurn();

    await handlers.end(FAILED);
    await handlers.end();
    expect(await isSettled(failed)).toBe(true);
    expect(await isSettled(invalid)).toBe(false);
    announced();
    expect(await isSettled(invalid)).toBe(true);
  });

  it.each([
    ['is 0', 0, [messageEvent('a')]],
    ['has nothing to wait for', 1_500, []],
  ])('does not delay the answer when it %s', async (_why, ms, entries) => {
    const { handlers, answer } = await startInbox({ acknowledgeWithinMs: ms });

    expect(await isSettled(answer(...entries))).toBe(true);
    await nextTurn();
    expect(handlers.running).toBe(entries.length);
  });
});

describe('MemoryInbox `maxPending`', () => {
  it('refuses a call and keeps none of its entries when no capacity becomes free', async () => {
    const { handlers, accept } = await startInbox({
      maxPending: 2,
      acceptTimeoutMs: 10,
    });
    await accept(messageEvent('a'), messageEvent('b'));

    await expect(accept(messageEvent('c'), messageEvent('d'))).rejects.toThrow(
      new XeniooInboxError(
        'the memory inbox is full (pending events: 2, `maxPending`: 2). Check for handlers that are slow or never finish; `concurrency` is 32',
      ),
    );
    await handlers.endAll();
    expect(handlers.texts).toEqual(['a', 'b']);
  });

  it('makes a call wait for capacity', async () => {
    const { handlers, accept } = await startInbox({ maxPending: 1 });
    await accept(messageEvent('a'));
    const accepted = accept(messageEvent('b'), messageEvent('c'));
    expect(await isSettled(accepted)).toBe(false);

    await handlers.end();
    await accepted;
    expect(handlers.texts).toEqual(['a', 'b', 'c']);
  });

  it('accepts a whole call as long as one more event may be pending', async () => {
    const { accept } = await startInbox({ maxPending: 2, acceptTimeoutMs: 0 });
    await accept(messageEvent('a'));
    await accept(...Array.from({ length: 50 }, () => messageEvent('b')));

    await expect(accept(messageEvent('c'))).rejects.toThrow(
      'pending events: 51',
    );
  });

  it('accepts an empty call when the inbox is full', async () => {
    const { accept } = await startInbox({ maxPending: 1, acceptTimeoutMs: 0 });
    await accept(messageEvent('a'));

    await expect(accept()).resolves.toBeUndefined();
  });

  it('counts an event that is waiting for a retry', async () => {
    const { inbox, handlers, accept } = await startInbox({
      maxPending: 1,
      acceptTimeoutMs: 0,
    });
    await accept(messageEvent('a'));
    await handlers.end(retryIn(HOUR_MS));

    expect(await isSettled(inbox.idle())).toBe(false);
    await expect(accept(messageEvent('b'))).rejects.toThrow(XeniooInboxError);
  });

  it('counts an event until its dead letter has been announced', async () => {
    const { inbox, handlers, accept } = await startInbox();
    let announced = () => {};
    handlers.whenAnnounced = () =>
      new Promise<void>(resolve => (announced = resolve));
    await accept(messageEvent('a'));
    await handlers.end(FAILED);

    expect(await isSettled(inbox.idle())).toBe(false);
    announced();
    expect(await isSettled(inbox.idle())).toBe(true);
  });

  it('counts replayed events without limiting them', async () => {
    const { inbox, handlers, accept } = await startInbox({ maxPending: 1 });
    const letter = deadLetterOf(messageEvent('a'));
    inbox.deadLetters.add(letter);
    await accept(messageEvent('b'));

    await inbox.deadLetters.replay(letter.id, [
      { entry: letter.entry, attempts: 0 },
    ]);
    await nextTurn();
    expect(handlers.texts).toEqual(['b', 'a']);
    await handlers.end();
    expect(await isSettled(inbox.idle())).toBe(false);
    await handlers.end();
    expect(await isSettled(inbox.idle())).toBe(true);
  });
});

describe('MemoryInbox `dedupe`', () => {
  const dedupe = { ttlSeconds: 60, maxIds: 100 };

  it('reports the duplicates of a call, which take no capacity', async () => {
    const { inbox, handlers, accept } = await startInbox({ dedupe });
    await accept(datedEvent('a'), datedEvent('a'), messageEvent('b'));
    await accept(datedEvent('a'));

    expect(handlers.texts).toEqual(['a', 'b']);
    expect(handlers.duplicates).toEqual([
      { bot: 'support', count: 1 },
      { bot: 'support', count: 1 },
    ]);
    await handlers.endAll();
    expect(await isSettled(inbox.idle())).toBe(true);
  });

  it('answers a call of duplicates at once', async () => {
    const { accept, answer } = await startInbox({
      dedupe,
      acknowledgeWithinMs: 1_500,
    });
    void accept(datedEvent('a'));
    await nextTurn();

    expect(await isSettled(answer(datedEvent('a')))).toBe(true);
  });

  it('accepts an event again after its call was refused', async () => {
    const { handlers, accept } = await startInbox({
      dedupe,
      maxPending: 1,
      acceptTimeoutMs: 0,
    });
    await accept(messageEvent('first'));
    await expect(accept(datedEvent('a'))).rejects.toThrow(XeniooInboxError);

    await handlers.endAll();
    await accept(datedEvent('a'));

    expect(handlers.texts).toEqual(['first', 'a']);
  });
});

describe('MemoryInbox retries', () => {
  it('run the handler exactly when it is due', async () => {
    useFakeTimers();
    const { inbox, handlers, accept } = await startInbox();
    const event = messageEvent('a');
    await accept(event);
    await handlers.end(retryIn(300));

    await vi.advanceTimersByTimeAsync(299);
    await nextTurn();
    expect(handlers.running).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    await nextTurn();
    expect(handlers.runs[1]).toMatchObject({
      entry: event,
      handler: 'Crm.save',
      attempts: 1,
    });
    await handlers.end();
    expect(await isSettled(inbox.idle())).toBe(true);
  });

  it.each([-HOUR_MS, HOUR_MS])(
    'are on time when the clock steps by %i ms',
    async ms => {
      useFakeTimers();
      const { handlers, accept } = await startInbox();
      await accept(messageEvent('a'));
      await handlers.end(retryIn(300));

      vi.setSystemTime(Date.now() + ms);
      await vi.advanceTimersByTimeAsync(299);
      await nextTurn();
      expect(handlers.running).toBe(0);
      await vi.advanceTimersByTimeAsync(1);
      await nextTurn();
      expect(handlers.running).toBe(1);
    },
  );

  it('neither block nor wait for other events of the conversation', async () => {
    const { handlers, accept } = await startInbox();
    await accept(messageEvent('a', 'c1'), messageEvent('b', 'c1'));
    expect(handlers.texts).toEqual(['a']);

    await handlers.end(retryIn(0));

    await expect.poll(() => handlers.running).toBe(2);
    expect(handlers.texts.toSorted()).toEqual(['a', 'a', 'b']);
  });
});

it('MemoryInbox stores a dead letter before announcing it with the thrown error', async () => {
  const { inbox, handlers, accept } = await startInbox();
  let stored: XeniooDeadLetter[] = [];
  handlers.whenAnnounced = async () => {
    stored = await inbox.deadLetters.list();
  };
  const event = messageEvent('a');
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

describe('MemoryInbox.drain()', () => {
  it('runs waiting retries at once, as their last attempts', async () => {
    const { inbox, handlers, accept } = await startInbox();
    await accept(messageEvent('a'), messageEvent('b'));
    await handlers.end(retryIn(HOUR_MS));
    await handlers.end(retryIn(2 * HOUR_MS));

    const drained = inbox.drain();
    await nextTurn();

    expect(handlers.texts).toEqual(['a', 'b', 'a', 'b']);
    expect(handlers.areLast).toEqual([false, false, true, true]);
    await handlers.end();
    expect(await isSettled(drained)).toBe(false);
    await handlers.end(FAILED);
    expect(await isSettled(drained)).toBe(true);
    expect(await inbox.deadLetters.list()).toHaveLength(1);
  });

  it('runs new retries at once', async () => {
    const { inbox, handlers, accept } = await startInbox({ concurrency: 1 });
    await accept(messageEvent('a'), messageEvent('b'));
    const drained = inbox.drain();

    await handlers.end(retryIn(HOUR_MS));
    await handlers.endAll();

    expect(await isSettled(drained)).toBe(true);
    expect(handlers.texts).toEqual(['a', 'b', 'a']);
    expect(handlers.areLast).toEqual([false, true, true]);
  });

  it('runs no task twice', async () => {
    const { inbox, handlers, accept } = await startInbox();
    await accept(messageEvent('a'), messageEvent('b'));
    await handlers.end(retryIn(0));
    await handlers.end(retryIn(HOUR_MS));
    await expect.poll(() => handlers.running).toBe(1);
    await handlers.end();

    void inbox.drain();
    const stopped = inbox.stop(60_000);
    await nextTurn();
    await handlers.endAll();
    await stopped;

    expect(handlers.texts).toEqual(['a', 'b', 'a', 'b']);
  });

  it('continues to accept calls', async () => {
    const { inbox, handlers, accept } = await startInbox();
    await inbox.drain();

    await accept(messageEvent('a'));

    expect(handlers.texts).toEqual(['a']);
  });

  it('resumes a paused inbox, whose pending events would be lost', async () => {
    const { inbox, handlers, accept } = await startInbox();
    await inbox.pause();
    await accept(messageEvent('a'));

    const drained = inbox.drain();
    await nextTurn();
    await handlers.endAll();

    expect(await isSettled(drained)).toBe(true);
    expect(handlers.texts).toEqual(['a']);
  });
});

describe('MemoryInbox.stop()', () => {
  it('refuses calls, including those that wait for capacity', async () => {
    const { inbox, handlers, accept } = await startInbox({ maxPending: 1 });
    await accept(messageEvent('a'));
    const waiting = accept(messageEvent('b'));

    const stopped = inbox.stop(60_000);

    const calls = await Promise.allSettled([
      waiting,
      accept(messageEvent('c')),
    ]);
    const reason = new XeniooInboxError('the memory inbox has stopped');
    expect(calls).toEqual([
      { status: 'rejected', reason },
      { status: 'rejected', reason },
    ]);
    await handlers.endAll();
    await stopped;
    expect(handlers.texts).toEqual(['a']);
  });

  it('completes pending events and logs nothing', async () => {
    const { inbox, handlers, accept } = await startInbox({ concurrency: 1 });
    await accept(messageEvent('a'), messageEvent('b'), messageEvent('c'));
    const stopped = inbox.stop(60_000);
    await handlers.endAll();
    await stopped;

    expect(handlers.texts).toEqual(['a', 'b', 'c']);
    expect(logs.lines).toEqual([]);
  });

  it('returns after the time-out, starts no more handlers and warns of lost events', async () => {
    const { inbox, handlers, accept } = await startInbox({ concurrency: 1 });
    await accept(messageEvent('a'), messageEvent('b'), messageEvent('c'));
    await inbox.stop(20);
    await handlers.end();

    expect(handlers.texts).toEqual(['a']);
    expect(logs.ofXenioo('warn')).toEqual([
      'Stopping before all events are handled; the others are lost (events: 3). If handlers need longer, raise `shutdownTimeoutMs`, or use a durable inbox, which keeps unhandled events.',
    ]);
  });

  it('leaves no retry timer', async () => {
    useFakeTimers();
    const { inbox, handlers, accept } = await startInbox();
    await accept(messageEvent('a'));
    await handlers.end(retryIn(HOUR_MS));
    expect(vi.getTimerCount()).toBe(1);

    const stopped = inbox.stop(60_000);
    await nextTurn();
    await handlers.endAll();
    await stopped;

    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('MemoryInbox.pause()', () => {
  it('starts no handler and accepts calls', async () => {
    const { inbox, handlers, accept } = await startInbox();
    await accept(messageEvent('a', 'c1'));
    await inbox.pause();
    await accept(messageEvent('b', 'c1'), messageEvent('c'));
    await handlers.end();
    expect(handlers.texts).toEqual(['a']);

    await inbox.resume();
    await nextTurn();
    expect(handlers.texts.toSorted()).toEqual(['a', 'b', 'c']);
  });

  it('holds back retries that become due', async () => {
    useFakeTimers();
    const { inbox, handlers, accept } = await startInbox();
    await accept(messageEvent('a'));
    await handlers.end(retryIn(300));
    await inbox.pause();
    await vi.advanceTimersByTimeAsync(1_000);
    await nextTurn();
    expect(handlers.runs).toHaveLength(1);

    await inbox.resume();
    await nextTurn();
    expect(handlers.runs).toHaveLength(2);
  });

  it('does not prevent a later startInbox()', async () => {
    const { inbox, handlers, accept } = createInbox();
    await inbox.pause();
    await inbox.start(handlers);
    await accept(messageEvent('a'));
    await nextTurn();
    expect(handlers.runs).toEqual([]);

    await inbox.resume();
    await nextTurn();
    expect(handlers.texts).toEqual(['a']);
  });
});

describe('MemoryInbox before startInbox()', () => {
  it('accepts calls and runs them after startInbox()', async () => {
    const { inbox, handlers, accept } = createInbox({
      dedupe: { ttlSeconds: 60, maxIds: 100 },
    });
    await accept(datedEvent('a'), datedEvent('a'));
    await inbox.resume();
    await nextTurn();

    await inbox.start(handlers);
    await nextTurn();
    expect(handlers.texts).toEqual(['a']);
  });

  it('stops and warns of lost events', async () => {
    const { inbox, accept } = createInbox();
    await accept(messageEvent('a'));

    await inbox.stop(10);

    expect(logs.ofXenioo('warn')).toEqual([
      expect.stringContaining('the others are lost (events: 1)'),
    ]);
  });
});

describe('MemoryInbox.stats()', () => {
  const EMPTY = {
    pending: 0,
    running: 0,
    retries: 0,
    deadLetters: 0,
    oldestPendingAt: undefined,
  };

  it('counts events, handlers, retries and dead letters', async () => {
    const { inbox, handlers, accept } = await startInbox({ concurrency: 1 });
    expect(await inbox.stats()).toEqual(EMPTY);
    await accept(messageEvent('a'), messageEvent('b'));
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
    await nextTurn();
    expect(await inbox.stats()).toMatchObject({ running: 1, retries: 1 });
    await handlers.endAll();
    expect(await inbox.stats()).toEqual({ ...EMPTY, deadLetters: 1 });
  });

  it('returns the time of the oldest call with a pending event', async () => {
    const { inbox, handlers } = await startInbox();
    const times = [1, 2, 3].map(n => new Date(RECEIVED_AT.getTime() + n));
    for (const receivedAt of times) {
      const entries = [messageEvent('x')];
      await inbox.accept({ bot: 'support', receivedAt, entries });
    }
    await nextTurn();

    for (const oldestPendingAt of [...times, undefined]) {
      expect(await inbox.stats()).toMatchObject({ oldestPendingAt });
      if (oldestPendingAt) await handlers.end();
    }
  });
});

it('MemoryInbox runs handlers and retries outside the async context of the call', async () => {
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
  const { inbox, accept } = createInbox({ concurrency: 4 });
  await inbox.start(dispatcher);

  await Promise.all(
    Array.from({ length: 200 }, (_, n) =>
      requests.run(n, () =>
        accept(messageEvent('x', `conversation ${n % 20}`)),
      ),
    ),
  );
  await inbox.idle();

  expect(seen).toHaveLength(1_000);
  expect(new Set(seen)).toEqual(new Set([undefined]));
});
