import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import type { XeniooEvent } from '../../../lib/events/xenioo.event.js';
import { OnXeniooFailed } from '../../../lib/handlers/on-xenioo-failed.decorator.js';
import { OnXeniooInvalid } from '../../../lib/handlers/on-xenioo-invalid.decorator.js';
import { OnXenioo } from '../../../lib/handlers/on-xenioo.decorator.js';
import { XeniooHandlerFailure } from '../../../lib/handlers/xenioo-handler.failure.js';
import {
  onlyOf,
  type XeniooDispatch,
  type XeniooSettlement,
} from '../../../lib/handlers/xenioo.dispatch.js';
import {
  XeniooHandlerError,
  XeniooUnrecoverableError,
} from '../../../lib/xenioo.errors.js';
import { progress } from '../../support/settlement.js';
import { eventOf, invalidOf } from '../../support/receipt.js';
import { AT_ONCE, startDispatcher } from '../../support/start-dispatcher.js';

const down = new Error('CRM is down');

/** Notes each run; two handlers fail so many times, one never. */
@Injectable()
class Desk {
  readonly runs: string[] = [];
  failures = { one: 0, other: 0 };

  @OnXenioo()
  one(): void {
    this.run('one');
  }

  @OnXenioo()
  async other(): Promise<void> {
    this.run('other');
  }

  @OnXenioo()
  works(): void {
    this.runs.push('works');
  }

  private run(name: 'one' | 'other'): void {
    this.runs.push(name);
    if (this.failures[name]-- > 0) throw down;
  }
}

async function start(failures: Partial<Desk['failures']> = {}) {
  const started = await startDispatcher([Desk], { retry: AT_ONCE });
  const desk = started.app.get(Desk);
  desk.failures = { one: 0, other: 0, ...failures };
  return { ...started, desk, runs: () => desk.runs.splice(0).toSorted() };
}

/** Dispatches an event again and again, as an inbox does, until nothing is left to do. */
async function dispatchToTheEnd(
  dispatch: XeniooDispatch,
  event: XeniooEvent,
): Promise<XeniooSettlement[]> {
  const settlements = [await dispatch(event)];
  while (settlements.at(-1)!.retryAt !== undefined) {
    const { progress } = settlements.at(-1)!;
    expect(settlements.length).toBeLessThan(20);
    settlements.push(await dispatch(event, { progress }));
  }
  return settlements;
}

describe('when a handler fails that may be tried again', () => {
  it('has not given up, and says when the next attempt is due', async () => {
    const retry = { ...AT_ONCE, delayMs: 1_000, maxDelayMs: 1_000 };
    const { dispatch, app } = await startDispatcher([Desk], { retry });
    app.get(Desk).failures.one = 1;
    const before = Date.now();

    const { progress, retryAt, failures } = await dispatch(
      eventOf({ Type: 1 }),
    );

    expect(failures).toEqual([]);
    expect(progress).toEqual({
      attempted: true,
      done: expect.arrayContaining(['Desk.other', 'Desk.works']) as string[],
      failed: [{ handler: 'Desk.one', attempts: 1, retryAt }],
    });
    expect(retryAt).toBeGreaterThanOrEqual(before + 1_000);
    expect(retryAt).toBeLessThanOrEqual(Date.now() + 1_000);
  });

  it('warns with its name, the attempt and the delay, and not of an error', async () => {
    const { dispatch, desk, logs } = await start();
    desk.failures.one = 1;
    const event = eventOf({ Type: 1 });
    await dispatch(event);

    expect(logs.ofXenioo('warn')).toEqual([
      `Desk.one failed on user-message ${event.id} (attempt 1 of 3, the next in 0 ms): CRM is down\n${down.stack}`,
    ]);
    expect(logs.ofXenioo('error')).toEqual([]);
  });

  it('runs that handler alone again', async () => {
    const { dispatch, runs } = await start({ one: 1 });
    const event = eventOf({ Type: 1 });

    const { progress: first } = await dispatch(event);
    expect(runs()).toEqual(['one', 'other', 'works']);
    const second = await dispatch(event, { progress: first });
    expect(runs()).toEqual(['one']);

    expect(second.retryAt).toBeUndefined();
    expect(second.progress).toEqual(
      progress({
        done: expect.arrayContaining([
          'Desk.one',
          'Desk.other',
          'Desk.works',
        ]) as string[],
      }),
    );
  });

  it('gives up after its last attempt, with the last error', async () => {
    const { dispatch, runs, logs } = await start({ one: 9, other: 1 });
    const event = eventOf({ Type: 1 });

    const settlements = await dispatchToTheEnd(dispatch, event);

    expect(settlements.map(({ failures }) => failures)).toEqual([
      [],
      [],
      [new XeniooHandlerFailure(event, 'Desk.one', down, 3)],
    ]);
    expect(runs()).toEqual(['one', 'one', 'one', 'other', 'other', 'works']);
    expect(settlements.at(-1)!.progress.failed).toEqual([]);
    expect(settlements.at(-1)!.progress.done).not.toContain('Desk.one');
    expect(logs.ofXenioo('error')).toEqual([
      `Desk.one failed on user-message ${event.id} and gives up (attempt 3), see XeniooDeadLetters: CRM is down\n${down.stack}`,
    ]);
  });
});

describe('when it is dispatched again', () => {
  const event = eventOf({ Type: 1 });

  it('runs those who are due, and leaves the others their time', async () => {
    const { dispatch, runs } = await start();
    const later = {
      handler: 'Desk.other',
      attempts: 1,
      retryAt: Date.now() + 60_000,
    };
    const due = { handler: 'Desk.one', attempts: 1, retryAt: Date.now() };

    const { progress: after, retryAt } = await dispatch(event, {
      progress: progress({ failed: [later, due] }),
    });

    expect(runs()).toEqual(['one']);
    expect(after.failed).toEqual([later]);
    expect(retryAt).toBe(later.retryAt);
  });

  it('runs nobody before the time, and changes nothing', async () => {
    const { dispatch, runs, emitter } = await start();
    const heard: unknown[] = [];
    emitter.onAny(name => heard.push(name));
    const early = progress({
      done: ['Desk.works'],
      failed: [
        { handler: 'Desk.one', attempts: 1, retryAt: Date.now() + 60_000 },
        { handler: 'Desk.other', attempts: 1, retryAt: Date.now() + 90_000 },
      ],
    });

    const settlement = await dispatch(event, { progress: early });

    expect(runs()).toEqual([]);
    expect(settlement.progress).toEqual(early);
    expect(settlement.retryAt).toBe(early.failed[0]!.retryAt);
    expect(heard).toEqual([]);
  });

  it('runs nobody a first time who was done before a crash', async () => {
    const { dispatch, runs } = await start();

    const { progress: after } = await dispatch(event, {
      progress: progress({ attempted: false, done: ['Desk.works'] }),
    });

    expect(runs()).toEqual(['one', 'other']);
    expect(after.done.toSorted()).toEqual([
      'Desk.one',
      'Desk.other',
      'Desk.works',
    ]);
  });

  it('runs those alone that a replay names, from anew', async () => {
    const { dispatch, runs } = await start({ one: 9 });

    const first = await dispatch(event, { progress: onlyOf(['Desk.one']) });

    expect(runs()).toEqual(['one']);
    expect(first.progress.failed).toMatchObject([
      { handler: 'Desk.one', attempts: 1 },
    ]);
  });

  it('is over where the event is no longer one for the handler', async () => {
    let isOpen = true;
    class Shop {
      @OnXenioo({ when: () => isOpen })
      sell(): void {
        throw down;
      }
    }
    const { dispatch } = await startDispatcher([Shop], { retry: AT_ONCE });
    const { progress: failed } = await dispatch(event);
    isOpen = false;

    const { progress: after, retryAt } = await dispatch(event, {
      progress: failed,
    });

    expect(after).toEqual(progress());
    expect(retryAt).toBeUndefined();
  });
});

describe('a handler that throws XeniooUnrecoverableError', () => {
  it('gives up at once', async () => {
    const error = new XeniooUnrecoverableError('no such customer');
    class Crm {
      @OnXenioo()
      save(): void {
        throw error;
      }
    }
    const { dispatch } = await startDispatcher([Crm], { retry: AT_ONCE });
    const event = eventOf({ Type: 1 });

    const { failures, retryAt } = await dispatch(event);

    expect(failures).toEqual([
      new XeniooHandlerFailure(event, 'Crm.save', error, 1),
    ]);
    expect(retryAt).toBeUndefined();
  });
});

describe('a handler with a retry of its own', () => {
  @Injectable()
  class Own {
    readonly runs: string[] = [];

    @OnXenioo({ retry: false })
    never(): void {
      this.run('never');
    }

    @OnXenioo({ retry: { attempts: 2 } })
    twice(): void {
      this.run('twice');
    }

    @OnXenioo()
    asTheModule(): void {
      this.run('as the module');
    }

    private run(name: string): void {
      this.runs.push(name);
      throw down;
    }
  }

  it('has as many attempts as it says, and what it leaves out is the module’s', async () => {
    const { app, dispatch } = await startDispatcher([Own], { retry: AT_ONCE });

    await dispatchToTheEnd(dispatch, eventOf({ Type: 1 }));

    expect(app.get(Own).runs.toSorted()).toEqual([
      'as the module',
      'as the module',
      'as the module',
      'never',
      'twice',
      'twice',
    ]);
  });

  it('is tried again where the module’s others are not', async () => {
    const { app, dispatch } = await startDispatcher([Own], { retry: false });
    const event = eventOf({ Type: 1 });

    const { progress: first, failures } = await dispatch(event);
    await dispatch(event, { progress: first, isLast: true });

    expect(failures.map(({ handler }) => handler).toSorted()).toEqual([
      'Own.asTheModule',
      'Own.never',
    ]);
    expect(app.get(Own).runs.toSorted()).toEqual([
      'as the module',
      'never',
      'twice',
      'twice',
    ]);
  });
});

describe('when the application ends', () => {
  const event = eventOf({ Type: 1 });

  it('runs every handler that failed once more, before its time', async () => {
    const { dispatch, runs } = await start({ other: 1 });
    const retryAt = Date.now() + 60_000;

    const { progress: after, failures } = await dispatch(event, {
      progress: progress({
        failed: [
          { handler: 'Desk.one', attempts: 1, retryAt },
          { handler: 'Desk.other', attempts: 1, retryAt },
        ],
      }),
      isLast: true,
    });

    expect(runs()).toEqual(['one', 'other']);
    expect(after).toEqual(progress({ done: ['Desk.one'] }));
    expect(failures).toMatchObject([{ handler: 'Desk.other', attempts: 2 }]);
  });

  it('does not say so of an attempt that was the last anyway', async () => {
    const { dispatch, logs } = await start({ one: 9 });
    const failed = [{ handler: 'Desk.one', attempts: 2, retryAt: 0 }];
    await dispatch(event, { progress: progress({ failed }), isLast: true });

    expect(logs.ofXenioo('error')).toEqual([
      expect.stringMatching(/^Desk\.one .* gives up \(attempt 3\), see/),
    ]);
  });

  it('says why it gave up before its last attempt', async () => {
    const { dispatch, logs } = await start({ one: 9 });
    await dispatch(event, { progress: onlyOf(['Desk.one']), isLast: true });

    expect(logs.ofXenioo('error')).toEqual([
      expect.stringMatching(
        /^Desk\.one .* gives up \(attempt 1, the application ends\), see/,
      ),
    ]);
  });
});

describe('a handler that no longer exists', () => {
  const event = eventOf({ Type: 1 });
  const gone = progress({
    failed: [{ handler: 'Desk.renamed', attempts: 2, retryAt: 0 }],
  });

  it('gives up with what to do about it, after as many attempts as it had', async () => {
    const { dispatch, logs } = await start();

    const { failures, retryAt } = await dispatch(event, { progress: gone });

    const message =
      'no handler is called Desk.renamed any more. Was it renamed? Its option `name` keeps the old name';
    expect(failures).toEqual([
      new XeniooHandlerFailure(
        event,
        'Desk.renamed',
        new XeniooHandlerError(message),
        2,
      ),
    ]);
    expect(retryAt).toBeUndefined();
    expect(logs.ofXenioo('error')).toEqual([expect.stringContaining(message)]);
  });

  it('keeps no other from running', async () => {
    const { dispatch, runs } = await start();
    const one = { handler: 'Desk.one', attempts: 1, retryAt: 0 };

    await dispatch(event, {
      progress: progress({ failed: [...gone.failed, one] }),
    });

    expect(runs()).toEqual(['one']);
  });
});

describe('an invalid entry', () => {
  it('is given once to a method that fails on it, and is nobody’s failure', async () => {
    let runs = 0;
    class Quarantine {
      @OnXeniooInvalid()
      keep(): void {
        runs++;
        throw down;
      }
    }
    const { dispatch } = await startDispatcher([Quarantine], {
      retry: AT_ONCE,
    });

    const settlement = await dispatch(invalidOf('text'));

    expect(settlement).toMatchObject({
      failures: [],
      progress: progress(),
    });
    expect(settlement.retryAt).toBeUndefined();
    expect(runs).toBe(1);
  });
});

describe('a handler that is done', () => {
  it('is told of at once, while others still run', async () => {
    let end = () => {};
    const ended = new Promise<void>(resolve => (end = resolve));
    class Slow {
      @OnXenioo()
      wait(): Promise<void> {
        return ended;
      }
    }
    const { app, dispatch } = await startDispatcher([Desk, Slow], {
      retry: AT_ONCE,
      handlerTimeoutMs: 5_000,
    });
    app.get(Desk).failures = { one: 1, other: 0 };
    const told: string[] = [];
    const settled = dispatch(eventOf({ Type: 1 }), {
      onHandled: handler => told.push(handler),
    });

    await new Promise(setImmediate);
    expect(told.toSorted()).toEqual(['Desk.other', 'Desk.works']);
    end();
    expect((await settled).progress.done).toContain('Slow.wait');
    expect(told).not.toContain('Slow.wait');
  });

  it('is settled, though whoever is told of it fails', async () => {
    const { dispatch } = await start({ one: 1 });

    const { progress: after } = await dispatch(eventOf({ Type: 1 }), {
      onHandled: () => {
        throw new Error('the disk is full');
      },
    });

    expect(after.done).toHaveLength(2);
    expect(after.failed).toHaveLength(1);
  });
});

describe('the event emitter', () => {
  it('hears an event once, after the first attempt, though it is tried again', async () => {
    const { dispatch, emitter, desk } = await start({ one: 2 });
    emitter.on('xenioo.user-message', () => desk.runs.push('heard'));

    await dispatchToTheEnd(dispatch, eventOf({ Type: 1 }));

    expect(desk.runs.slice(0, 3).toSorted()).toEqual(['one', 'other', 'works']);
    expect(desk.runs.slice(3)).toEqual(['heard', 'one', 'one']);
  });

  it('does not hear an event again that is replayed for some handlers', async () => {
    const { dispatch, emitter } = await start();
    const heard: unknown[] = [];
    emitter.onAny(name => heard.push(name));

    await dispatch(eventOf({ Type: 1 }), { progress: onlyOf(['Desk.one']) });

    expect(heard).toEqual([]);
  });
});

describe('that a handler gave up', () => {
  @Injectable()
  class Alarm {
    readonly heard: unknown[] = [];
    fail: () => unknown = () => {};

    @OnXeniooFailed()
    ring(failure: XeniooHandlerFailure): unknown {
      this.heard.push(failure);
      return this.fail();
    }
  }

  async function startAlarm(failures: Partial<Desk['failures']>) {
    const started = await startDispatcher([Desk, Alarm]);
    started.app.get(Desk).failures = { one: 0, other: 0, ...failures };
    return { ...started, alarm: started.app.get(Alarm) };
  }

  it('is announced when the inbox says so, and not before', async () => {
    const { dispatch, alarm, emitter } = await startAlarm({ one: 1 });
    const onBus: unknown[] = [];
    emitter.on('xenioo.failed', failure => onBus.push(failure));
    const event = eventOf({ Type: 1 });

    const settlement = await dispatch(event);
    expect([alarm.heard, onBus]).toEqual([[], []]);
    await settlement.announce();

    const failure = new XeniooHandlerFailure(event, 'Desk.one', down, 1);
    expect([alarm.heard, onBus]).toEqual([[failure], [failure]]);
    expect(settlement.failures[0]).toBe(alarm.heard[0]);
  });

  it('is announced to those alone who ask for it', async () => {
    const { app, dispatch } = await startAlarm({ one: 1 });
    const settlement = await dispatch(eventOf({ Type: 1 }));
    const { runs } = app.get(Desk);
    runs.splice(0);

    await settlement.announce();

    expect(runs).toEqual([]);
  });

  it('is announced for each that did', async () => {
    const { dispatch, alarm } = await startAlarm({ one: 1, other: 1 });

    await (await dispatch(eventOf({ Type: 1 }))).announce();

    expect(alarm.heard).toHaveLength(2);
  });

  it('is nothing to announce where all are done', async () => {
    const { dispatch, alarm } = await startAlarm({});

    await (await dispatch(eventOf({ Type: 1 }))).announce();

    expect(alarm.heard).toEqual([]);
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      'throws',
      () => {
        throw new Error('the pager is down');
      },
      /the pager is down\nError: the pager/,
    ],
    [
      'rejects',
      async () => Promise.reject(new Error('the pager is down')),
      /the pager is down\nError: the pager/,
    ],
    ['hangs', () => new Promise(() => {}), /took longer than 50 ms/],
  ])(
    'is logged, no more, where the method that hears it %s',
    async (_how, fail, error) => {
      const { dispatch, alarm, logs } = await startAlarm({ one: 1, other: 1 });
      alarm.fail = fail;
      const event = eventOf({ Type: 1, Data: 'Hello', UserName: 'Anna' });
      const settlement = await dispatch(event);
      logs.lines.splice(0);

      await settlement.announce();

      expect(alarm.heard).toHaveLength(2);
      const lines = logs.ofXenioo('error').toSorted();
      expect(lines).toHaveLength(2);
      for (const [index, name] of ['Desk.one', 'Desk.other'].entries()) {
        expect(lines[index]).toMatch(error);
        expect(lines[index]).toMatch(
          `Alarm.ring failed on the failure of ${name} on ${event.id}: `,
        );
      }
    },
  );
});
