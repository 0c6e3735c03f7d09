import { Logger } from '@nestjs/common';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { XeniooEntry } from '../../../lib/events/parse-entry.js';
import type { XeniooEvent } from '../../../lib/events/xenioo.event.js';
import { XeniooHandlerFailure } from '../../../lib/handlers/xenioo-handler.failure.js';
import {
  onlyOf,
  type XeniooAttempt,
  type XeniooDispatch,
  type XeniooSettlement,
} from '../../../lib/handlers/xenioo.dispatch.js';
import {
  MemoryInbox,
  type MemoryInboxSettings,
} from '../../../lib/memory/memory.inbox.js';
import { XeniooInboxError } from '../../../lib/xenioo.errors.js';
import { hasEnded } from '../../support/has-ended.js';
import { LogRecorder } from '../../support/log-recorder.js';
import { eventOf, invalidOf } from '../../support/receipt.js';
import { progress, settlement } from '../../support/settlement.js';

const events = (count: number): XeniooEntry[] =>
  Array.from({ length: count }, () => eventOf({ Type: 8 }));

/** Answers at once, makes nobody wait for room, and drops nothing, unless it is told to. */
function inboxOf(settings: Partial<MemoryInboxSettings> = {}) {
  return new MemoryInbox({
    concurrency: 32,
    dedupe: false,
    maxPending: 100_000,
    acknowledgeWithinMs: 0,
    acceptTimeoutMs: 0,
    ...settings,
  });
}

/** Lets the inbox begin what it put off, so that an answer could go out first. */
async function begun(): Promise<void> {
  await new Promise(setImmediate);
  await new Promise(setImmediate);
}

/** Handlers that end when and how the test says. */
class Handlers {
  readonly begun: XeniooEntry[] = [];
  readonly attempts: XeniooAttempt[] = [];
  private readonly ends: ((settlement: XeniooSettlement) => void)[] = [];

  readonly dispatch: XeniooDispatch = async (entry, attempt) => {
    this.begun.push(entry);
    this.attempts.push(attempt!);
    return new Promise(resolve => this.ends.push(resolve));
  };

  get running(): number {
    return this.ends.length;
  }

  async endOne(how = settlement()): Promise<void> {
    this.ends.shift()!(how);
    await begun();
  }

  async endAll(): Promise<void> {
    while (this.running > 0) await this.endOne();
  }
}

/** An attempt after which a handler is to be tried again. */
function failedUntil(retryAt: number, attempts = 1): XeniooSettlement {
  const failed = [{ handler: 'Crm.save', attempts, retryAt }];
  return settlement({ retryAt, progress: progress({ failed }) });
}

/** An attempt after which a handler gave up. */
function gaveUp(event: XeniooEvent, handler = 'Crm.save'): XeniooSettlement {
  const error = new Error('CRM is down');
  return settlement({
    failures: [new XeniooHandlerFailure(event, handler, error, 3)],
  });
}

const said = (text: string, conversation?: string, date?: string) =>
  eventOf({
    Type: 1,
    Data: text,
    ConversationId: conversation ?? null,
    Date: date ?? null,
  });

const textsOf = (entries: readonly XeniooEntry[]) =>
  entries.map(({ raw }) => (raw as { Data: string }).Data);

let logs: LogRecorder;

beforeEach(() => {
  logs = new LogRecorder();
  Logger.overrideLogger(logs);
});

describe('what is accepted', () => {
  it('is handed to the dispatcher, in order and once', async () => {
    const [inbox, handlers] = [inboxOf(), new Handlers()];
    await inbox.start(handlers.dispatch);
    const entries = events(3);
    await inbox.accept({ entries: entries.slice(0, 2) });
    await inbox.accept({ entries: entries.slice(2) });
    await begun();

    expect(handlers.begun).toEqual(entries);
    await handlers.endAll();
    expect(handlers.begun).toHaveLength(3);
  });

  it('waits until the application is up', async () => {
    const [inbox, handlers] = [inboxOf(), new Handlers()];
    const entries = events(2);
    await inbox.accept({ entries });
    await begun();

    expect(handlers.begun).toEqual([]);
    await inbox.start(handlers.dispatch);
    await begun();
    expect(handlers.begun).toEqual(entries);
  });

  it('is not waited for, and begins when an answer could go out', async () => {
    const [inbox, handlers] = [inboxOf(), new Handlers()];
    await inbox.start(handlers.dispatch);

    await inbox.accept({ entries: events(1) });
    expect(handlers.running).toBe(0);
    await begun();
    expect(handlers.running).toBe(1);
  });

  it('may be nothing', async () => {
    const [inbox, handlers] = [inboxOf(), new Handlers()];
    await inbox.start(handlers.dispatch);
    await inbox.accept({ entries: [] });
    await inbox.idle();

    expect(handlers.begun).toEqual([]);
  });
});

describe('with acknowledgeWithinMs', () => {
  it('accepting waits until the handlers of the call have run', async () => {
    const inbox = inboxOf({ acknowledgeWithinMs: 60_000 });
    const handlers = new Handlers();
    await inbox.start(handlers.dispatch);
    let isAccepted = false;
    const accepted = inbox
      .accept({ entries: events(2) })
      .then(() => (isAccepted = true));
    await begun();

    await handlers.endOne();
    expect(isAccepted).toBe(false);
    await handlers.endOne();
    await accepted;
  });

  it('accepting waits no longer, and the handlers go on', async () => {
    const inbox = inboxOf({ acknowledgeWithinMs: 10 });
    const handlers = new Handlers();
    await inbox.start(handlers.dispatch);

    await inbox.accept({ entries: events(2) });

    expect(handlers.running).toBe(2);
    await handlers.endAll();
    await inbox.idle();
  });

  it('an empty call is accepted at once', async () => {
    const inbox = inboxOf({ acknowledgeWithinMs: 60_000 });

    await expect(inbox.accept({ entries: [] })).resolves.toBeUndefined();
  });
});

describe('events handled at once', () => {
  it('are no more than concurrency', async () => {
    const [inbox, handlers] = [inboxOf({ concurrency: 2 }), new Handlers()];
    await inbox.start(handlers.dispatch);
    const entries = events(5);
    await inbox.accept({ entries });
    await begun();

    const seen: number[] = [];
    while (handlers.running > 0) {
      seen.push(handlers.running);
      await handlers.endOne();
    }
    expect(seen).toEqual([2, 2, 2, 2, 1]);
    expect(handlers.begun).toEqual(entries);
  });
});

describe('a dispatcher that fails', () => {
  it('is logged, and holds nothing up', async () => {
    const inbox = inboxOf({ concurrency: 1 });
    let asked = 0;
    await inbox.start(async () => {
      asked++;
      throw new Error('no handlers');
    });
    await inbox.accept({ entries: events(2) });
    await inbox.idle();

    expect(asked).toBe(2);
    expect(logs.ofXenioo('error')).toEqual(
      Array.from({ length: 2 }, () =>
        expect.stringMatching(
          /^An event was not dispatched: no handlers\nError: no handlers/,
        ),
      ),
    );
  });
});

describe('when it is full', () => {
  it('takes nothing of a call, and says which option to raise', async () => {
    const [inbox, handlers] = [inboxOf({ maxPending: 2 }), new Handlers()];
    await inbox.start(handlers.dispatch);
    await inbox.accept({ entries: events(2) });
    await begun();

    await expect(inbox.accept({ entries: events(1) })).rejects.toThrow(
      new XeniooInboxError(
        'the memory inbox is full: 2 events are pending, and none became free within 0 ms (`acceptTimeoutMs`). Are handlers slow or hanging? The limit is `maxPending` (2), events handled at once are `concurrency` (32)',
      ),
    );
    await handlers.endAll();
    expect(handlers.begun).toHaveLength(2);
  });

  it('has taken a call whole while there was room for one event', async () => {
    const inbox = inboxOf({ maxPending: 2 });
    await inbox.accept({ entries: events(1) });
    await inbox.accept({ entries: events(50) });

    await expect(inbox.accept({ entries: events(1) })).rejects.toThrow(
      '51 events are pending',
    );
  });

  it('takes calls again when an event has been handled', async () => {
    const [inbox, handlers] = [inboxOf({ maxPending: 1 }), new Handlers()];
    await inbox.start(handlers.dispatch);
    await inbox.accept({ entries: events(1) });
    await begun();
    await handlers.endOne();
    await inbox.accept({ entries: events(1) });
    await begun();

    expect(handlers.begun).toHaveLength(2);
  });
});

describe('with acceptTimeoutMs', () => {
  it('a call waits for room, and enters when there is', async () => {
    const inbox = inboxOf({ maxPending: 1, acceptTimeoutMs: 60_000 });
    const handlers = new Handlers();
    await inbox.start(handlers.dispatch);
    await inbox.accept({ entries: events(1) });
    const waiting = inbox.accept({ entries: events(2) });
    await begun();
    expect(handlers.begun).toHaveLength(1);

    await handlers.endOne();
    await waiting;

    await begun();
    expect(handlers.begun).toHaveLength(3);
    await handlers.endAll();
  });

  it('a call that finds none is refused, and nothing of it taken', async () => {
    const inbox = inboxOf({ maxPending: 1, acceptTimeoutMs: 10 });
    const handlers = new Handlers();
    await inbox.start(handlers.dispatch);
    await inbox.accept({ entries: events(1) });

    await expect(inbox.accept({ entries: events(2) })).rejects.toThrow(
      XeniooInboxError,
    );

    await begun();
    await handlers.endAll();
    await inbox.idle();
    expect(handlers.begun).toHaveLength(1);
  });
});

describe('waiting for it to be idle', () => {
  it('ends at once when nothing is pending', async () => {
    expect(await inboxOf().idle()).toBeUndefined();
  });

  it('ends for everyone when the last event has been handled', async () => {
    const [inbox, handlers] = [inboxOf({ concurrency: 1 }), new Handlers()];
    await inbox.start(handlers.dispatch);
    await inbox.accept({ entries: events(2) });
    const steps: string[] = [];
    const idle = [1, 2].map(async waiter => {
      await inbox.idle();
      steps.push(`idle ${waiter}`);
    });
    await begun();

    await handlers.endOne();
    steps.push('one handled');
    await handlers.endOne();
    await Promise.all(idle);
    expect(steps).toEqual(['one handled', 'idle 1', 'idle 2']);
  });
});

describe('when it stops', () => {
  it('takes nothing more', async () => {
    const inbox = inboxOf();
    await inbox.stop(0);

    await expect(inbox.accept({ entries: events(1) })).rejects.toThrow(
      new XeniooInboxError('the memory inbox has stopped'),
    );
  });

  it('handles what is pending first, and logs nothing', async () => {
    const [inbox, handlers] = [inboxOf({ concurrency: 1 }), new Handlers()];
    await inbox.start(handlers.dispatch);
    await inbox.accept({ entries: events(3) });
    const stopped = inbox.stop(60_000);
    await begun();
    await handlers.endAll();
    await stopped;

    expect(handlers.begun).toHaveLength(3);
    expect(logs.lines).toEqual([]);
  });

  it('waits no longer than it may, and warns of what is lost', async () => {
    const [inbox, handlers] = [inboxOf({ concurrency: 1 }), new Handlers()];
    await inbox.start(handlers.dispatch);
    await inbox.accept({ entries: events(3) });
    await begun();
    await inbox.stop(20);
    await handlers.endOne();

    expect(handlers.begun).toHaveLength(1);

    expect(logs.ofXenioo('warn')).toEqual([
      'Stopping with 3 events unhandled after 20 ms: they are lost with this process. If their handlers need longer, raise `shutdownTimeoutMs`; an inbox on disk would keep them.',
    ]);
  });
});

describe('entries of one conversation', () => {
  async function start(settings?: Partial<MemoryInboxSettings>) {
    const [inbox, handlers] = [inboxOf(settings), new Handlers()];
    await inbox.start(handlers.dispatch);
    const begunTexts = () => textsOf(handlers.begun);
    return { inbox, handlers, begunTexts };
  }

  it('are attempted one after another, within a call and across calls', async () => {
    const { inbox, handlers, begunTexts } = await start();
    await inbox.accept({ entries: [said('a', 'c1'), said('b', 'c1')] });
    await inbox.accept({ entries: [said('c', 'c1')] });
    await begun();

    for (const so of [['a'], ['a', 'b'], ['a', 'b', 'c']]) {
      expect(begunTexts()).toEqual(so);
      await handlers.endOne();
    }
  });

  it('are attempted in the order of their dates within a call', async () => {
    const { inbox, handlers, begunTexts } = await start();
    const entries = [
      said('late', 'c1', '2024-05-01T12:00:00.0000002Z'),
      said('early', 'c1', '2024-05-01T12:00:00.0000001Z'),
    ];
    await inbox.accept({ entries });
    await begun();
    await handlers.endAll();

    expect(begunTexts()).toEqual(['early', 'late']);
  });

  it('hold no other up, nor what is of no conversation', async () => {
    const { inbox, begunTexts } = await start();
    const entries = [
      said('a', 'c1'),
      said('b', 'c1'),
      said('c', 'c2'),
      said('d'),
      said('e'),
    ];
    await inbox.accept({ entries });
    await begun();

    expect(begunTexts()).toEqual(['a', 'c', 'd', 'e']);
  });

  it('wait for no retry', async () => {
    const { inbox, handlers, begunTexts } = await start();
    await inbox.accept({ entries: [said('a', 'c1'), said('b', 'c1')] });
    await begun();

    await handlers.endOne(failedUntil(Date.now() + 60_000));

    expect(begunTexts()).toEqual(['a', 'b']);
  });

  it('may be attempted while an earlier one is tried again', async () => {
    const { inbox, handlers, begunTexts } = await start();
    await inbox.accept({ entries: [said('a', 'c1')] });
    await begun();
    await handlers.endOne(failedUntil(Date.now()));
    await vi.waitFor(() => expect(handlers.running).toBe(1), {
      timeout: 5_000,
    });

    await inbox.accept({ entries: [said('b', 'c1')] });
    await begun();

    expect(begunTexts()).toEqual(['a', 'a', 'b']);
  });
});

describe('an entry that is to be tried again', () => {
  async function start(settings?: Partial<MemoryInboxSettings>) {
    const [inbox, handlers] = [inboxOf(settings), new Handlers()];
    await inbox.start(handlers.dispatch);
    const event = said('a', 'c1');
    const accepted = inbox.accept({ entries: [event] });
    await begun();
    return { inbox, handlers, event, accepted };
  }

  it('is dispatched with what came of it, when it is due and not before', async () => {
    const { handlers, event } = await start();
    const dueAt = Date.now() + 20;
    const first = failedUntil(dueAt);
    expect(handlers.attempts).toEqual([{ progress: undefined, isLast: false }]);

    await handlers.endOne(first);
    expect(handlers.running).toBe(0);

    await vi.waitFor(() => expect(handlers.running).toBe(1), {
      timeout: 5_000,
    });
    // A timer may be early by less than a millisecond.
    expect(Date.now()).toBeGreaterThanOrEqual(dueAt - 1);
    expect(handlers.begun).toEqual([event, event]);
    expect(handlers.attempts[1]).toEqual({
      progress: first.progress,
      isLast: false,
    });
  });

  it('is tried until nothing is left to do', async () => {
    const { inbox, handlers } = await start();

    for (let attempt = 1; attempt <= 5; attempt++) {
      await vi.waitFor(() => expect(handlers.running).toBe(1), {
        timeout: 5_000,
      });
      await handlers.endOne(
        attempt < 5 ? failedUntil(Date.now(), attempt) : settlement(),
      );
    }
    await inbox.idle();

    expect(handlers.begun).toHaveLength(5);
  });

  it('is pending meanwhile, and takes room', async () => {
    const { inbox, handlers } = await start({ maxPending: 1 });
    await handlers.endOne(failedUntil(Date.now() + 60_000));

    expect(await hasEnded(inbox.idle())).toBe(false);
    await expect(inbox.accept({ entries: [said('b')] })).rejects.toThrow(
      XeniooInboxError,
    );
  });

  it('is not waited for by the answer', async () => {
    const { handlers, accepted } = await start({ acknowledgeWithinMs: 60_000 });
    expect(await hasEnded(accepted)).toBe(false);

    await handlers.endOne(failedUntil(Date.now() + 60_000));

    expect(await hasEnded(accepted)).toBe(true);
  });
});

describe('when a handler gives up', () => {
  async function start() {
    const [inbox, handlers] = [inboxOf(), new Handlers()];
    await inbox.start(handlers.dispatch);
    const event = said('a', 'c1');
    await inbox.accept({ entries: [event] });
    await begun();
    return { inbox, handlers, event };
  }

  it('there is a dead letter before that is announced', async () => {
    const { inbox, handlers, event } = await start();
    let kept: unknown;

    await handlers.endOne({
      ...gaveUp(event),
      announce: async () => {
        kept = await inbox.deadLetters.get(event.id);
      },
    });

    expect(kept).toMatchObject({
      id: event.id,
      kind: 'event',
      entry: { text: 'a' },
      failures: [
        { handler: 'Crm.save', attempts: 3, error: { message: 'CRM is down' } },
      ],
    });
    expect(await hasEnded(inbox.idle())).toBe(true);
  });

  it('the letter gets more of it when another gives up later', async () => {
    const { inbox, handlers, event } = await start();
    const { failures } = gaveUp(event, 'Desk.notify');
    await handlers.endOne({ ...failedUntil(Date.now()), failures });
    await vi.waitFor(() => expect(handlers.running).toBe(1), {
      timeout: 5_000,
    });
    await handlers.endOne(gaveUp(event));

    const letters = await inbox.deadLetters.list();
    expect(letters).toMatchObject([
      { failures: [{ handler: 'Desk.notify' }, { handler: 'Crm.save' }] },
    ]);
  });

  it('there is none where none does', async () => {
    const { inbox, handlers } = await start();
    await handlers.endAll();

    expect(await inbox.deadLetters.list()).toEqual([]);
  });

  it('the entry is pending until that was announced', async () => {
    const { inbox, handlers, event } = await start();
    let announced = () => {};
    const announce = () => new Promise<void>(resolve => (announced = resolve));
    await handlers.endOne({ ...gaveUp(event), announce });

    expect(await hasEnded(inbox.idle())).toBe(false);
    announced();
    expect(await hasEnded(inbox.idle())).toBe(true);
  });
});

describe('what could not be understood', () => {
  it('is a dead letter when it was accepted, and dispatched all the same', async () => {
    const [inbox, handlers] = [inboxOf(), new Handlers()];
    await inbox.start(handlers.dispatch);
    const entry = invalidOf({ Type: 'x' });

    await inbox.accept({ entries: [entry, said('a')] });

    expect(await inbox.deadLetters.list()).toMatchObject([
      { id: entry.id, kind: 'invalid', entry, failures: [] },
    ]);
    await begun();
    expect(handlers.begun).toHaveLength(2);
  });

  it('is no dead letter of a call that was not taken', async () => {
    const inbox = inboxOf({ maxPending: 1 });
    await inbox.accept({ entries: [said('a')] });
    await inbox.accept({ entries: [invalidOf({ Type: 'x' })] }).catch(() => {});

    expect(await inbox.deadLetters.list()).toEqual([]);
  });
});

describe('with `dedupe`', () => {
  const dedupe = { ttlSeconds: 60, maxIds: 100 };
  const dated = () => said('a', 'c1', '2024-05-01T12:00:00Z');

  it('takes an event once, of a call and of several', async () => {
    const [inbox, handlers] = [inboxOf({ dedupe }), new Handlers()];
    await inbox.start(handlers.dispatch);
    await inbox.accept({ entries: [dated(), dated()] });
    await inbox.accept({ entries: [dated(), said('b')] });
    await begun();
    await handlers.endAll();

    expect(textsOf(handlers.begun)).toEqual(['a', 'b']);
  });

  it('waits for no handler of a call of which nothing is new', async () => {
    const inbox = inboxOf({ dedupe, acknowledgeWithinMs: 60_000 });
    const handlers = new Handlers();
    await inbox.start(handlers.dispatch);
    void inbox.accept({ entries: [dated()] });
    await begun();

    expect(await hasEnded(inbox.accept({ entries: [dated()] }))).toBe(true);
  });

  it('takes what it had no room for when that comes again', async () => {
    const inbox = inboxOf({ dedupe, maxPending: 1 });
    const handlers = new Handlers();
    await inbox.start(handlers.dispatch);
    await inbox.accept({ entries: [said('first')] });
    await begun();
    await expect(inbox.accept({ entries: [dated()] })).rejects.toThrow(
      XeniooInboxError,
    );

    await handlers.endAll();
    await inbox.accept({ entries: [dated()] });
    await begun();

    expect(textsOf(handlers.begun)).toEqual(['first', 'a']);
  });

  it('lets a twin wait for the outcome, and take the place of one that was refused', async () => {
    const inbox = inboxOf({ dedupe, maxPending: 1, acceptTimeoutMs: 60_000 });
    const handlers = new Handlers();
    await inbox.start(handlers.dispatch);
    await inbox.accept({ entries: [said('first')] });
    const calls = [dated(), dated()].map(async entry =>
      inbox.accept({ entries: [entry] }),
    );
    await begun();
    expect(await hasEnded(Promise.race(calls))).toBe(false);

    await handlers.endOne();
    await Promise.all(calls);
    await begun();

    expect(textsOf(handlers.begun)).toEqual(['first', 'a']);
  });

  it('waits for twin and room together no longer than acceptTimeoutMs', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const inbox = inboxOf({ dedupe, maxPending: 1, acceptTimeoutMs: 50 });
    await inbox.accept({ entries: [said('first')] });
    const refusedAt: number[] = [];
    const started = performance.now();
    const call = () =>
      inbox.accept({ entries: [dated()] }).catch(() => {
        refusedAt.push(Math.round(performance.now() - started));
      });

    const one = call();
    await vi.advanceTimersByTimeAsync(30);
    const twin = call();
    await vi.advanceTimersByTimeAsync(200);
    await Promise.all([one, twin]);

    expect(refusedAt).toEqual([50, 80]);
  });
});

describe('a replay', () => {
  const dedupe = { ttlSeconds: 60, maxIds: 100 };

  async function start(settings?: Partial<MemoryInboxSettings>) {
    const inbox = inboxOf({ dedupe, ...settings });
    const handlers = new Handlers();
    await inbox.start(handlers.dispatch);
    const event = said('a', 'c1', '2024-05-01T12:00:00Z');
    await inbox.accept({ entries: [event] });
    await begun();
    await handlers.endOne(gaveUp(event));
    return { inbox, handlers, event };
  }

  it('runs the handlers that gave up, with fresh attempts and past dedupe', async () => {
    const { inbox, handlers, event } = await start();
    const replay = { entries: [event], handlers: ['Crm.save'] };

    expect(await inbox.deadLetters.replay(event.id, replay)).toBe(true);
    await begun();

    expect(handlers.begun).toEqual([event, event]);
    expect(handlers.attempts[1]).toEqual({
      progress: onlyOf(['Crm.save']),
      isLast: false,
    });
    expect(await inbox.deadLetters.get(event.id)).toBeUndefined();
  });

  it('runs every handler of what turned out to be an event', async () => {
    const { inbox, handlers } = await start();
    const entry = invalidOf({ Type: 'x' });
    await inbox.accept({ entries: [entry] });
    await begun();
    await handlers.endAll();
    const entries = [said('b', 'c2'), said('c')];

    await inbox.deadLetters.replay(entry.id, { entries });
    await begun();

    expect(handlers.begun.slice(2)).toEqual(entries);
    expect(handlers.attempts.slice(2)).toEqual([
      { progress: undefined, isLast: false },
      { progress: undefined, isLast: false },
    ]);
  });

  it('needs no room, and is pending', async () => {
    const { inbox, handlers, event } = await start({ maxPending: 1 });
    await inbox.accept({ entries: [said('b')] });
    await begun();

    await inbox.deadLetters.replay(event.id, { entries: [event] });
    await begun();
    await handlers.endOne();

    expect(await hasEnded(inbox.idle())).toBe(false);
    await handlers.endOne();
    expect(await hasEnded(inbox.idle())).toBe(true);
  });

  it('may fail again, and then the letter is back', async () => {
    const { inbox, handlers, event } = await start();
    await inbox.deadLetters.replay(event.id, {
      entries: [event],
      handlers: ['Crm.save'],
    });
    await begun();
    await handlers.endOne(gaveUp(event));

    expect(await inbox.deadLetters.list()).toMatchObject([{ id: event.id }]);
  });
});

describe('when the application begins to end', () => {
  async function start(settings?: Partial<MemoryInboxSettings>) {
    const [inbox, handlers] = [inboxOf(settings), new Handlers()];
    await inbox.start(handlers.dispatch);
    const accept = async (...entries: XeniooEntry[]) => {
      await inbox.accept({ entries });
      await begun();
    };
    return { inbox, handlers, accept };
  }

  it('what waits for its next attempt gets it at once, as the last', async () => {
    const { inbox, handlers, accept } = await start();
    await accept(said('a'), said('b'));
    const [one, other] = [60_000, 90_000].map(ms =>
      failedUntil(Date.now() + ms),
    );
    await handlers.endOne(one);
    await handlers.endOne(other);

    const drained = inbox.drain();
    await begun();

    expect(handlers.attempts.slice(2)).toEqual([
      { progress: one!.progress, isLast: true },
      { progress: other!.progress, isLast: true },
    ]);
    await handlers.endOne();
    expect(await hasEnded(drained)).toBe(false);
    await handlers.endOne();
    expect(await hasEnded(drained)).toBe(true);
  });

  it('what was tried again before is not, nor anything twice', async () => {
    const { inbox, handlers, accept } = await start();
    await accept(said('a'), said('b'));
    await handlers.endOne(failedUntil(Date.now()));
    await handlers.endOne(failedUntil(Date.now() + 60_000));
    await vi.waitFor(() => expect(handlers.running).toBe(1), {
      timeout: 5_000,
    });
    await handlers.endOne();

    void inbox.drain();
    const stopped = inbox.stop(60_000);
    await begun();
    await handlers.endAll();
    await stopped;

    expect(textsOf(handlers.begun)).toEqual(['a', 'b', 'a', 'b']);
  });

  it('what was never attempted has a first attempt, and a last one at once', async () => {
    const { inbox, handlers, accept } = await start({ concurrency: 1 });
    await accept(said('a'), said('b'));
    const drained = inbox.drain();

    await handlers.endOne(failedUntil(Date.now() + 60_000));
    await handlers.endOne(failedUntil(Date.now() + 60_000));
    expect(await hasEnded(drained)).toBe(false);
    await handlers.endAll();

    expect(await hasEnded(drained)).toBe(true);
    expect(handlers.attempts.map(({ isLast }) => isLast)).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  it('calls are taken still, and not waited for', async () => {
    const { inbox, handlers, accept } = await start();
    await accept(said('a'));
    const drained = inbox.drain();
    await accept(said('b'));

    await handlers.endOne();
    expect(await hasEnded(drained)).toBe(true);
    expect(handlers.running).toBe(1);
    expect(await hasEnded(inbox.idle())).toBe(false);
  });

  it('nothing is waited for where nothing is pending', async () => {
    const { inbox } = await start();

    expect(await hasEnded(inbox.drain())).toBe(true);
  });

  it.each(['finds room', 'has to wait for room'])(
    'at whatever moment of a call that %s, it is drained when that is handled',
    async how => {
      for (let moment = 0; moment < 30; moment++) {
        const { inbox, handlers, accept } = await start({
          maxPending: 1,
          acceptTimeoutMs: 60_000,
        });
        if (how !== 'finds room') await accept(said('first'));
        const accepted = inbox.accept({ entries: [said('a')] });
        if (how !== 'finds room') {
          await begun();
          void handlers.endOne();
        }
        for (let n = 0; n < moment; n++) await Promise.resolve();
        const drained = inbox.drain();
        await accepted;
        await begun();
        await handlers.endAll();

        expect(await hasEnded(inbox.idle())).toBe(true);
        expect(await hasEnded(drained), `moment ${moment}`).toBe(true);
      }
    },
  );

  it('no timer of a retry keeps the process alive', async () => {
    const { inbox, handlers, accept } = await start();
    await accept(said('a'));
    await handlers.endOne(failedUntil(Date.now() + 60_000));
    const timers = () =>
      process.getActiveResourcesInfo().filter(name => name === 'Timeout')
        .length;
    const before = timers();

    const stopped = inbox.stop(60_000);
    await begun();
    await handlers.endAll();
    await stopped;

    expect(timers()).toBe(before - 1);
  });
});

describe('a call with more entries than are taken at once', () => {
  const MANY = 7_000;
  const large = (prefix = '') =>
    Array.from({ length: MANY }, (_, n) =>
      said(
        `${prefix}${n}`,
        'c1',
        `2024-05-01T12:00:00.${String(n).padStart(7, '0')}Z`,
      ),
    );
  const dedupe = { ttlSeconds: 3_600, maxIds: 100_000 };

  /** An inbox that counts what is dispatched, and handles it at once. */
  async function counting(settings: Partial<MemoryInboxSettings> = {}) {
    const inbox = inboxOf({ dedupe, ...settings });
    const dispatched: XeniooEntry[] = [];
    await inbox.start(entry => {
      dispatched.push(entry);
      return settlement();
    });
    return { inbox, dispatched };
  }

  it('is handled whole, in the order of its dates', async () => {
    const { inbox, dispatched } = await counting();
    const entries = large();

    await inbox.accept({ entries: entries.toReversed() });
    await inbox.idle();

    expect(textsOf(dispatched)).toEqual(textsOf(entries));
  });

  it('lets the event loop turn', async () => {
    const { inbox } = await counting();
    let turns = 0;
    const timer = setInterval(() => turns++, 0);

    await inbox.accept({ entries: large() });
    clearInterval(timer);

    expect(turns).toBeGreaterThan(0);
  });

  it('is handled once, however often it comes at the same time', async () => {
    const { inbox, dispatched } = await counting();

    await Promise.all([
      inbox.accept({ entries: large() }),
      inbox.accept({ entries: large().toReversed() }),
      inbox.accept({ entries: large().slice(MANY / 2) }),
    ]);
    await inbox.idle();

    expect(dispatched).toHaveLength(MANY);
    expect(new Set(dispatched.map(({ id }) => id)).size).toBe(MANY);
  });

  it('is in as a whole: what ends meanwhile waits for all of it', async () => {
    const { inbox, dispatched } = await counting({ maxPending: 1 });
    const accepted = inbox.accept({ entries: large() });

    await inbox.stop(10_000);

    expect(dispatched).toHaveLength(MANY);
    await accepted;
  });

  it('takes what another call waits with for room: that does without', async () => {
    const { inbox, dispatched } = await counting({
      maxPending: 1,
      acceptTimeoutMs: 5_000,
    });
    const entries = large();
    const last = entries.slice(-1);

    const accepted = inbox.accept({ entries });
    const other = inbox.accept({ entries: [...last, said('other')] });
    await Promise.all([accepted, other]);
    await inbox.idle();

    expect(dispatched).toHaveLength(MANY + 1);
    expect(dispatched.filter(({ id }) => id === last[0]!.id)).toHaveLength(1);
  });
});
