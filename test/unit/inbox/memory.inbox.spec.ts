import { Logger } from '@nestjs/common';
import { beforeEach, describe, expect, it } from 'vitest';
import type { XeniooEntry } from '../../../lib/events/parse-entry.js';
import {
  MemoryInbox,
  type MemoryInboxSettings,
} from '../../../lib/inbox/memory.inbox.js';
import { XeniooInboxError } from '../../../lib/xenioo.errors.js';
import { LogRecorder } from '../../support/log-recorder.js';
import { eventOf } from '../../support/receipt.js';

const events = (count: number): XeniooEntry[] =>
  Array.from({ length: count }, () => eventOf({ Type: 8 }));

/** Answers at once, and makes nobody wait for room, unless it is told to. */
function inboxOf(settings: Partial<MemoryInboxSettings> = {}) {
  return new MemoryInbox({
    concurrency: 32,
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

/** Handlers that end when the test says so. */
class Handlers {
  readonly begun: XeniooEntry[] = [];
  private readonly ends: (() => void)[] = [];

  readonly dispatch = async (entry: XeniooEntry) => {
    this.begun.push(entry);
    await new Promise<void>(resolve => this.ends.push(resolve));
    return [];
  };

  get running(): number {
    return this.ends.length;
  }

  async endOne(): Promise<void> {
    this.ends.shift()!();
    await begun();
  }

  async endAll(): Promise<void> {
    while (this.running > 0) await this.endOne();
  }
}

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
    await inbox.stop(20);

    expect(logs.ofXenioo('warn')).toEqual([
      'Stopping with 3 events unhandled after 20 ms: they are lost with this process. If their handlers need longer, raise `shutdownTimeoutMs`.',
    ]);
  });
});
