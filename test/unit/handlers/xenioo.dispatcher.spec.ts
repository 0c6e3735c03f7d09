import { AsyncLocalStorage } from 'node:async_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import {
  Inject,
  Injectable,
  Scope,
  UseFilters,
  UseGuards,
  type CanActivate,
  type ExceptionFilter,
} from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { of } from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { InvalidXeniooEntry } from '../../../lib/events/invalid-xenioo.entry.js';
import { XeniooEventType } from '../../../lib/events/xenioo-event-type.js';
import type { XeniooEvent } from '../../../lib/events/xenioo.events.js';
import { OnXeniooFailed } from '../../../lib/handlers/on-xenioo-failed.decorator.js';
import { OnXeniooInvalid } from '../../../lib/handlers/on-xenioo-invalid.decorator.js';
import { OnXenioo } from '../../../lib/handlers/on-xenioo.decorator.js';
import { XeniooHandlerFailure } from '../../../lib/handlers/xenioo-handler.failure.js';
import type {
  XeniooHandlerResult,
  XeniooTask,
} from '../../../lib/handlers/xenioo-task.js';
import {
  XeniooObservers,
  type XeniooHandlerRun,
  type XeniooObserver,
} from '../../../lib/handlers/xenioo.observers.js';
import { deadLetterOf } from '../../../lib/inbox/record-run.js';
import type { XeniooSettings } from '../../../lib/options/xenioo.options.js';
import { eventOf, invalidOf, entryOf } from '../../support/entry-of.js';
import { AT_ONCE, startDispatcher } from '../../support/start-dispatcher.js';

const { UserMessage, TakeOver } = XeniooEventType;

const event = eventOf({ Type: 1, Data: 'Hello' });
const down = new Error('CRM is down');

/** Returns the status of each handler. */
const statusesOf = (results: readonly XeniooHandlerResult[]) =>
  Object.fromEntries(results.map(({ handler, status }) => [handler, status]));

/** Class with three handlers, two of which fail as often as the test sets. */
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

  @OnXenioo(UserMessage)
  works(): void {
    this.runs.push('works');
  }

  private run(name: 'one' | 'other'): void {
    this.runs.push(name);
    if (this.failures[name]-- > 0) throw down;
  }
}

async function startDesk(failures: Partial<Desk['failures']> = {}) {
  const started = await startDispatcher([Desk], { retry: AT_ONCE });
  const desk = started.app.get(Desk);
  desk.failures = { one: 0, other: 0, ...failures };
  return { ...started, desk, runs: () => desk.runs.splice(0).toSorted() };
}

describe('XeniooDispatcher on a first run', () => {
  class Crm {
    @OnXenioo(UserMessage)
    save(): void {}
  }

  class Shop {
    @OnXenioo([UserMessage, TakeOver], { bot: 'default' })
    sell() {
      return of(1);
    }

    @OnXenioo({ bot: 'another' })
    close(): void {}
  }

  class Audit {
    @OnXenioo()
    async write(): Promise<void> {}

    @OnXeniooInvalid()
    keep(): void {}

    @OnXeniooFailed()
    alarm(): void {}
  }

  it.each([
    ['an event', { Type: 1 }, ['Audit.write', 'Crm.save', 'Shop.sell']],
    ['another type', { Type: 10 }, ['Audit.write', 'Shop.sell']],
    ['an unknown type', { Type: 99 }, ['Audit.write']],
    ['an invalid entry', { Type: 'x' }, []],
  ])('runs every matching handler for %s', async (_what, wire, handlers) => {
    const { run } = await startDispatcher([Crm, Shop, Audit]);

    const results = await run(entryOf(wire));

    expect(results.map(({ handler }) => handler).toSorted()).toEqual(handlers);
    expect(results.every(({ status }) => status === 'done')).toBe(true);
  });

  it('returns no result when no handler matches', async () => {
    const { run } = await startDispatcher([Crm]);

    expect(await run(eventOf({ Type: 10 }))).toEqual([]);
  });

  it('runs a handler once even if several of its decorators match', async () => {
    let runs = 0;
    class DecoratedThrice {
      @OnXenioo()
      @OnXenioo(UserMessage)
      @OnXenioo([UserMessage, TakeOver])
      keep(): void {
        runs++;
      }
    }
    const { run } = await startDispatcher([DecoratedThrice]);

    expect(await run(event)).toHaveLength(1);
    expect(runs).toBe(1);
  });

  it('runs handlers concurrently with the same event', async () => {
    const seen = new Set<XeniooEvent>();
    let start = () => {};
    const started = new Promise<void>(resolve => (start = resolve));
    class Both {
      @OnXenioo()
      async waits(event: XeniooEvent): Promise<void> {
        seen.add(event);
        await started;
      }

      @OnXenioo()
      begins(event: XeniooEvent): void {
        seen.add(event);
        start();
      }
    }
    const { run } = await startDispatcher([Both]);

    expect(statusesOf(await run(event))).toEqual({
      'Both.waits': 'done',
      'Both.begins': 'done',
    });
    expect([...seen]).toEqual([event]);
  });

  it('retries only the handler that failed', async () => {
    const { run, runs } = await startDesk({ one: 1 });
    const before = Date.now();

    const results = await run(event);
    expect(runs()).toEqual(['one', 'other', 'works']);
    expect(results.toSorted(byHandler)).toEqual([
      {
        handler: 'Desk.one',
        status: 'retry',
        attempts: 1,
        retryAt: expect.any(Number) as number,
        error: down,
      },
      { handler: 'Desk.other', status: 'done', attempts: 1 },
      { handler: 'Desk.works', status: 'done', attempts: 1 },
    ]);
    const [retry] = results.filter(({ status }) => status === 'retry');
    expect(retry).toHaveProperty('retryAt');
    expect((retry as { retryAt: number }).retryAt).toBeGreaterThanOrEqual(
      before,
    );

    expect(await run(event, { handler: 'Desk.one', attempts: 1 })).toEqual([
      { handler: 'Desk.one', status: 'done', attempts: 2 },
    ]);
    expect(runs()).toEqual(['one']);
  });
});

function byHandler(one: XeniooHandlerResult, other: XeniooHandlerResult) {
  return one.handler < other.handler ? -1 : 1;
}

describe('XeniooDispatcher on a retry', () => {
  it('fails after the last attempt with the error of the handler', async () => {
    const { run, logs } = await startDesk({ one: 9 });

    const results = await run(event, { handler: 'Desk.one', attempts: 2 });

    expect(results).toEqual([
      { handler: 'Desk.one', status: 'failed', attempts: 3, error: down },
    ]);
    expect(logs.ofXenioo('error')).toEqual([
      `Desk.one failed on user-message ${event.id} (attempt 3; no more attempts), see XeniooDeadLetters: CRM is down\n${down.stack}`,
    ]);
  });

  it('fails on an error while the application shuts down', async () => {
    const { run } = await startDesk({ one: 9 });

    const results = await run(event, { handler: 'Desk.one', isLast: true });

    expect(statusesOf(results)).toEqual({ 'Desk.one': 'failed' });
  });

  it('does nothing when the event no longer matches', async () => {
    let isOpen = true;
    class Shop {
      @OnXenioo({ when: () => isOpen })
      sell(): void {
        throw down;
      }
    }
    const { run } = await startDispatcher([Shop], { retry: AT_ONCE });
    expect(statusesOf(await run(event))).toEqual({ 'Shop.sell': 'retry' });
    isOpen = false;

    expect(await run(event, { handler: 'Shop.sell', attempts: 1 })).toEqual([]);
  });

  it('reschedules a task whose handler is missing, and fails it after ten minutes', async () => {
    const { run, runs, logs } = await startDesk();
    const missing = { handler: 'Desk.renamed', attempts: 2 };
    const before = Date.now();

    const [result] = await run(event, missing);
    const missingSince = Date.now() - 600_000;
    const [failed] = await run(event, { ...missing, missingSince });

    expect(result).toMatchObject({ status: 'retry', ...missing });
    expect((result as { retryAt: number }).retryAt).toBeGreaterThan(before);
    expect(failed).toMatchObject({ status: 'failed', ...missing });
    expect(runs()).toEqual([]);
    expect(logs.ofXenioo('error')).toEqual([
      expect.stringContaining('no handler is named Desk.renamed'),
    ]);
  });

  it.each(['Desk.keep', 'Desk.alarm'])(
    'does not run %s, which handles no events',
    async handler => {
      class Desk {
        @OnXeniooInvalid()
        keep(): void {}

        @OnXeniooFailed()
        alarm(): void {}
      }
      const { run } = await startDispatcher([Desk]);

      expect(await run(event, { handler })).toMatchObject([
        { status: 'retry', missingSince: expect.any(Number) as number },
      ]);
    },
  );
});

describe('XeniooDispatcher when a handler fails', () => {
  class Throws {
    @OnXenioo()
    handle(): void {
      throw down;
    }
  }

  class Rejects {
    @OnXenioo()
    async handle(): Promise<void> {
      await Promise.reject(down);
    }
  }

  class FailingCondition {
    @OnXenioo({
      when: () => {
        throw down;
      },
    })
    handle(): void {}
  }

  class AsyncCondition {
    @OnXenioo({ when: (async () => true) as unknown as () => boolean })
    handle(): void {}
  }

  @Injectable({ scope: Scope.REQUEST })
  class FailingConstructor {
    constructor() {
      throw down;
    }

    @OnXenioo()
    handle(): void {}
  }

  it.each([
    [Throws, down],
    [Rejects, down],
    [FailingCondition, down],
    [FailingConstructor, down],
    [
      AsyncCondition,
      new TypeError('expected `when` to return a boolean, got a promise'),
    ],
  ])('runs all other handlers despite %o', async (failing, error) => {
    const { run } = await startDispatcher([failing, Desk]);

    const results = await run(event);

    expect(results).toHaveLength(4);
    expect(results).toContainEqual({
      handler: `${failing.name}.handle`,
      status: 'failed',
      attempts: 1,
      error,
    });
  });

  it('logs the id of the event and no words of a person', async () => {
    const { run, logs } = await startDispatcher([Rejects]);
    await run(eventOf({ Type: 1, Data: 'Hello', UserName: 'Anna' }));

    expect(JSON.stringify(logs.lines)).not.toMatch(/Hello|Anna/);
  });

  it('fails a handler that times out, and then emits the event', async () => {
    class NeverResolving {
      @OnXenioo()
      handle() {
        return new Promise<never>(() => {});
      }
    }
    const { run, emitter } = await startDispatcher([NeverResolving], {
      handlerTimeoutMs: 50,
    });
    const heard: unknown[] = [];
    emitter.on('xenioo.user-message', value => heard.push(value));

    expect(await run(event)).toMatchObject([
      { status: 'failed', error: { message: expect.stringMatching(/50 ms/) } },
    ]);
    expect(heard).toEqual([event]);
  });
});

describe('XeniooDispatcher with guards and filters', () => {
  it('skips a handler whose guard denies, and logs nothing', async () => {
    let runs = 0;
    class DenyingGuard implements CanActivate {
      canActivate(): boolean {
        return false;
      }
    }
    class Guarded {
      @UseGuards(DenyingGuard)
      @OnXenioo()
      handle(): void {
        runs++;
      }
    }
    const { run, logs } = await startDispatcher([Guarded]);

    expect(statusesOf(await run(event))).toEqual({ 'Guarded.handle': 'done' });
    expect(runs).toBe(0);
    expect(logs.ofXenioo('error')).toEqual([]);
  });

  it('treats a handler as done when its filter handles the error', async () => {
    const caught: unknown[] = [];
    class RecordingFilter implements ExceptionFilter {
      catch(error: unknown): void {
        caught.push(error);
      }
    }
    class Filtered {
      @UseFilters(RecordingFilter)
      @OnXenioo()
      handle(): void {
        throw down;
      }
    }
    const { run } = await startDispatcher([Filtered]);

    expect(statusesOf(await run(event))).toEqual({ 'Filtered.handle': 'done' });
    expect(caught).toEqual([down]);
  });
});

describe('XeniooDispatcher with an event emitter', () => {
  it.each([
    ['xenioo.user-message', { Type: 1 }],
    ['xenioo.wrong-reply', { Type: 13 }],
    ['xenioo.unknown', { Type: 99 }],
  ])('emits %s after a first run', async (name, wire) => {
    const { run, emitter } = await startDispatcher([]);
    const heard: unknown[] = [];
    emitter.onAny((...values: unknown[]) => heard.push(values));
    const event = eventOf(wire);
    await run(event);

    expect(heard).toEqual([[name, event]]);
  });

  it('emits an event once, after the first attempt of every handler', async () => {
    const { run, emitter, desk } = await startDesk({ one: 1, other: 2 });
    emitter.on('xenioo.user-message', () => desk.runs.push('heard'));

    await run(event);
    await run(event, { handler: 'Desk.one', attempts: 1 });
    await run(event, { handler: 'Desk.other', attempts: 1 });

    expect(desk.runs.slice(0, 3).toSorted()).toEqual(['one', 'other', 'works']);
    expect(desk.runs.slice(3)).toEqual(['heard', 'one', 'other']);
  });

  it('emits an invalid entry only when its dead letter is announced', async () => {
    const { run, dispatcher, emitter } = await startDispatcher([]);
    const heard: unknown[] = [];
    emitter.onAny((...values: unknown[]) => heard.push(values));
    const invalid = invalidOf({ Type: 'x' });

    await run(invalid);
    expect(heard).toEqual([]);
    await dispatcher.announce(deadLetterOf(invalid));
    expect(heard).toEqual([['xenioo.invalid', invalid]]);
  });

  it('ignores an error of a listener', async () => {
    const { run, emitter } = await startDesk();
    emitter.on('xenioo.user-message', () => {
      throw new Error('listener');
    });

    expect(await run(event)).toHaveLength(3);
  });
});

describe('XeniooDispatcher.announce()', () => {
  @Injectable()
  class Alarm {
    readonly heard: unknown[] = [];
    fail: () => unknown = () => {};

    @OnXeniooFailed()
    ring(failure: XeniooHandlerFailure): unknown {
      this.heard.push(failure);
      return this.fail();
    }

    @OnXeniooInvalid()
    keep(entry: InvalidXeniooEntry): unknown {
      this.heard.push(entry);
      return this.fail();
    }
  }

  const invalid = invalidOf({ Type: 'Anna' });
  const letter = deadLetterOf(event, {
    handler: 'Desk.one',
    attempts: 3,
    error: down,
  });

  async function startAlarm(settings: Partial<XeniooSettings> = {}) {
    const started = await startDispatcher([Alarm, Desk], settings);
    const { app, dispatcher, logs } = started;
    const announce = dispatcher.announce.bind(dispatcher);
    const desk = app.get(Desk);
    return { ...started, announce, alarm: app.get(Alarm), desk, logs };
  }

  it('runs only the @OnXeniooFailed() handlers, and emits the failure', async () => {
    const { announce, alarm, desk, emitter } = await startAlarm();
    const emitted: unknown[] = [];
    emitter.on('xenioo.failed', failure => emitted.push(failure));

    await announce(letter, down);

    const failure = new XeniooHandlerFailure(event, 'Desk.one', down, 3);
    expect(alarm.heard).toEqual([failure]);
    expect(emitted).toEqual([failure]);
    expect((alarm.heard[0] as XeniooHandlerFailure).error).toBe(down);
    expect(desk.runs).toEqual([]);
  });

  it('passes on the stored error when the thrown one is not available', async () => {
    const { announce, alarm } = await startAlarm();

    await announce(letter);

    expect(alarm.heard).toMatchObject([{ error: letter.error }]);
  });

  it('runs only the @OnXeniooInvalid() handlers', async () => {
    const { announce, alarm } = await startAlarm();

    await announce(deadLetterOf(invalid));

    expect(alarm.heard).toEqual([invalid]);
  });

  it('runs at most `concurrency` handlers at once, in the order of the dead letters', async () => {
    const { announce, alarm, run } = await startAlarm({ concurrency: 2 });
    const ends: (() => void)[] = [];
    alarm.fail = () => new Promise<void>(resolve => ends.push(resolve));
    const letters = Array.from({ length: 3_000 }, () => letter);
    const announced = Promise.all([
      ...letters.map(each => announce(each, down)),
      announce(deadLetterOf(invalid)),
    ]);

    await expect.poll(() => ends).toHaveLength(2);
    expect(await run(event)).toHaveLength(3);
    expect(alarm.heard).toHaveLength(2);

    alarm.fail = () => {};
    for (const end of ends) end();
    await announced;
    expect(alarm.heard).toHaveLength(3_001);
    expect(alarm.heard.at(-1)).toBe(invalid);
  });

  it('continues with the next dead letter after a handler times out', async () => {
    const { announce, alarm } = await startAlarm({
      concurrency: 1,
      handlerTimeoutMs: 50,
    });
    alarm.fail = () => new Promise(() => {});

    await Promise.all([announce(letter), announce(letter)]);

    expect(alarm.heard).toHaveLength(2);
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
    ['hangs', () => new Promise(() => {}), /timed out after 50 ms/],
  ])('logs a handler that %s, and resolves', async (_how, fail, error) => {
    const { announce, alarm, logs } = await startAlarm({
      handlerTimeoutMs: 50,
    });
    alarm.fail = fail;

    await announce(letter, down);
    await announce(deadLetterOf(invalid));

    const lines = logs.ofXenioo('error');
    expect(lines).toEqual([
      expect.stringContaining(`Alarm.ring failed on dead letter ${letter.id}:`),
      expect.stringContaining(
        `Alarm.keep failed on invalid entry ${invalid.id}:`,
      ),
    ]);
    for (const line of lines) expect(line).toMatch(error);
    expect(lines.join()).not.toContain('Anna');
  });
});

it('XeniooDispatcher.reportDuplicates() logs duplicates at debug level and notifies observers', async () => {
  const { app, dispatcher, logs } = await startDispatcher([]);
  const seen: unknown[] = [];
  app.get(XeniooObservers).add({
    duplicatesDropped: duplicates => seen.push(duplicates),
  });

  dispatcher.reportDuplicates({ bot: 'support', count: 2 });
  dispatcher.reportDuplicates({ bot: 'sales', count: 3 });

  expect(logs.ofXenioo('debug')).toEqual([
    'Dropped 2 duplicates of bot support (`dedupe`); 2 since the application started.',
    'Dropped 3 duplicates of bot sales (`dedupe`); 5 since the application started.',
  ]);
  expect(seen).toEqual([
    { bot: 'support', count: 2 },
    { bot: 'sales', count: 3 },
  ]);
});

it('XeniooDispatcher.run() creates no handler run and wraps no handler without an observer, a failure included', async () => {
  const { app, run, runs } = await startDesk({ one: 1 });
  const observers = app.get(XeniooObservers);
  const notify = vi.spyOn(observers, 'notify');
  const runHandler = vi.spyOn(observers, 'runHandler');

  await run(event);
  expect(runs()).toEqual(['one', 'other', 'works']);
  expect(notify).not.toHaveBeenCalled();
  expect(runHandler).not.toHaveBeenCalled();

  const remove = observers.add({});
  await run(event);
  expect(notify).toHaveBeenCalledTimes(6);
  expect(runHandler).toHaveBeenCalledTimes(3);
  remove();
});

describe('XeniooDispatcher with observers', () => {
  class Crm {
    @OnXenioo()
    save(): void {
      throw down;
    }
  }

  const carrier = { traceparent: '00-1-2-01' };
  const handlerRun: XeniooHandlerRun = {
    handler: 'Crm.save',
    event,
    attempt: 2,
    carrier,
  };
  const task: Partial<XeniooTask> = {
    handler: 'Crm.save',
    attempts: 1,
    carrier,
  };

  async function observe(observer: XeniooObserver) {
    const started = await startDispatcher([Crm]);
    started.app.get(XeniooObservers).add(observer);
    return started;
  }

  it('notifies them of the start and the end of a handler', async () => {
    const seen: unknown[] = [];
    const { run } = await observe({
      handlerStarted: (...values) => seen.push(values),
      handlerFinished: (...values) => seen.push(values),
    });

    const [result] = await run(event, task);

    expect(seen).toEqual([[handlerRun], [handlerRun, result]]);
    expect(result).toMatchObject({ status: 'failed', error: down });
  });

  it('notifies them of an announced dead letter', async () => {
    const seen: unknown[] = [];
    const { dispatcher } = await observe({
      deadLetterAdded: letter => seen.push(letter),
    });
    const letter = deadLetterOf(event);

    await dispatcher.announce(letter);

    expect(seen).toEqual([letter]);
  });

  it('lets them wrap the execution of a handler but not change its result', async () => {
    const steps: unknown[] = [];
    const { run } = await observe({
      async runHandler(run, next) {
        steps.push(run);
        await next().catch(error => steps.push(error));
        steps.push('after');
      },
    });

    expect(statusesOf(await run(event, task))).toEqual({
      'Crm.save': 'failed',
    });
    expect(steps).toEqual([handlerRun, down, 'after']);
  });

  it('runs the handler in the AsyncLocalStorage store of an observer', async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    class StoreReader {
      @OnXenioo()
      async recordStore(): Promise<void> {
        await new Promise(setImmediate);
        seen.push(storage.getStore());
      }
    }
    const { app, run } = await startDispatcher([StoreReader]);
    app.get(XeniooObservers).add({
      runHandler: async ({ attempt }, next) => {
        seen.push(storage.getStore());
        return storage.run(`attempt ${attempt}`, next);
      },
    });

    await storage.run('a call', () => run(event));

    expect(seen).toEqual([undefined, 'attempt 1']);
  });

  it('logs an observer that throws and runs the handler', async () => {
    const fail = () => {
      throw new Error('the observer is broken');
    };
    const { app, dispatcher, run, logs } = await startDispatcher([Desk]);
    app.get(XeniooObservers).add({
      handlerStarted: fail,
      handlerFinished: fail,
      runHandler: fail,
      deadLetterAdded: fail,
    });

    expect(statusesOf(await run(event, { handler: 'Desk.works' }))).toEqual({
      'Desk.works': 'done',
    });
    await dispatcher.announce(deadLetterOf(event));

    expect(logs.ofXenioo('error')).toHaveLength(4);
    expect(logs.ofXenioo('error').join()).toMatch(
      /`runHandler\(\)` of an observer failed; .*: the observer is broken/,
    );
  });

  it('publishes handler runs on tracingChannel("xenioo.handler")', async () => {
    const channel = tracingChannel<unknown, XeniooHandlerRun>('xenioo.handler');
    const seen: unknown[] = [];
    const record =
      (moment: string) =>
      (message: unknown): void => {
        seen.push([moment, { ...(message as object) }]);
      };
    const subscribers = {
      start: record('start'),
      end: record('end'),
      error: record('error'),
      asyncStart: record('asyncStart'),
      asyncEnd: record('asyncEnd'),
    };
    channel.subscribe(subscribers);
    onTestFinished(() => channel.unsubscribe(subscribers));
    const { run } = await startDispatcher([Crm]);

    await run(event, task);
    await expect.poll(() => seen).toHaveLength(5);

    const failed = { ...handlerRun, error: down };
    expect(seen).toEqual([
      ['start', handlerRun],
      ['end', handlerRun],
      ['error', failed],
      ['asyncStart', failed],
      ['asyncEnd', failed],
    ]);
  });
});

describe('XeniooDispatcher in the async context of a webhook call', () => {
  const storage = new AsyncLocalStorage<string>();
  const seen: [string, string | undefined][] = [];
  const recordStore = (who: string) => {
    seen.push([who, storage.getStore()]);
  };

  class Singleton {
    @OnXenioo({
      when: () => {
        recordStore('when');
        return true;
      },
    })
    async handle(): Promise<void> {
      recordStore('handler');
      storage.enterWith('the handler');
      await new Promise(setImmediate);
      throw down;
    }

    @OnXenioo()
    async other(): Promise<void> {
      recordStore('another handler');
      await new Promise(setImmediate);
      recordStore('another handler later');
    }

    @OnXeniooFailed()
    alarm(): void {
      recordStore('failed');
      storage.enterWith('the alarm');
    }

    @OnXeniooInvalid()
    keep(): void {
      recordStore('invalid');
    }
  }

  @Injectable({ scope: Scope.REQUEST })
  class Scoped {
    constructor(@Inject(REQUEST) request: unknown) {
      recordStore(request === event ? 'constructor' : 'constructor of another');
    }

    @OnXenioo()
    handle(): void {
      recordStore('scoped handler');
    }
  }

  it('hides that context, and the `enterWith()` of a handler, from all handlers, conditions and listeners', async () => {
    const { run, dispatcher, emitter } = await startDispatcher([
      Singleton,
      Scoped,
    ]);
    emitter.on('xenioo.user-message', () => recordStore('listener'));
    emitter.on('xenioo.failed', () => recordStore('listener of failures'));

    await storage.run('a call', async () => {
      await Promise.all([run(event), run(event)]);
      await run(event, { handler: 'Singleton.handle', attempts: 1 });
      await dispatcher.announce(deadLetterOf(event));
      await dispatcher.announce(deadLetterOf(invalidOf('text')));
    });

    expect(new Set(seen.map(([who]) => who))).toEqual(
      new Set([
        'when',
        'handler',
        'another handler',
        'another handler later',
        'failed',
        'invalid',
        'constructor',
        'scoped handler',
        'listener',
        'listener of failures',
      ]),
    );
    expect(seen.filter(([, store]) => store !== undefined)).toEqual([]);
  });
});
