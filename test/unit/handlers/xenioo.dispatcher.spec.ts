import {
  Injectable,
  UseFilters,
  UseGuards,
  type CanActivate,
  type ExceptionFilter,
  type Provider,
} from '@nestjs/common';
import { defer, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { XeniooEventType } from '../../../lib/events/xenioo-event-type.js';
import type { XeniooEvent } from '../../../lib/events/xenioo.event.js';
import { OnXeniooInvalid } from '../../../lib/handlers/on-xenioo-invalid.decorator.js';
import { OnXenioo } from '../../../lib/handlers/on-xenioo.decorator.js';
import type { XeniooSettlement } from '../../../lib/handlers/xenioo.dispatch.js';
import { eventOf, invalidOf, parsed } from '../../support/receipt.js';
import { startDispatcher } from '../../support/start-dispatcher.js';

const { UserMessage, TakeOver } = XeniooEventType;

const start = (...providers: Provider[]) => startDispatcher(providers);

/** What came of the handlers of one entry, in the order of their names. */
function came({ progress, failures, retryAt }: XeniooSettlement) {
  return {
    done: progress.done.toSorted(),
    failed: failures.map(({ handler, error }) => [handler, error]).toSorted(),
    left: retryAt ?? 'nothing',
  };
}

const done = (...handlers: string[]) => ({
  done: handlers.toSorted(),
  failed: [],
  left: 'nothing',
});

const failed = (handler: string, error: unknown, ...others: string[]) => ({
  ...done(...others),
  failed: [[handler, error]],
});

class Crm {
  @OnXenioo(UserMessage)
  save(): void {}
}

class Desk {
  @OnXenioo(TakeOver)
  notify(): void {}
}

class Audit {
  @OnXenioo()
  async write(): Promise<void> {}
}

class Quarantine {
  @OnXeniooInvalid()
  keep(): void {}
}

describe('an entry runs the handlers that match it', () => {
  it.each([
    ['an event', { Type: 1 }, ['Crm.save', 'Audit.write']],
    ['an event of another type', { Type: 10 }, ['Desk.notify', 'Audit.write']],
    ['an event of a type yet unknown', { Type: 99 }, ['Audit.write']],
    ['an invalid entry', { Type: 'x' }, ['Quarantine.keep']],
  ])('%s', async (_what, entry, handlers) => {
    const { dispatch } = await start(Crm, Desk, Audit, Quarantine);

    expect(came(await dispatch(parsed(entry)))).toEqual(done(...handlers));
  });

  it('and tells at once what came of them, where none returned a promise', async () => {
    const { dispatch } = await start(Crm, Desk);

    const settlement = dispatch(eventOf({ Type: 1 }));

    expect(settlement).not.toBeInstanceOf(Promise);
    expect(came(await settlement)).toEqual(done('Crm.save'));
  });

  it('and tells later, where one of them did', async () => {
    const { dispatch } = await start(Crm, Audit);

    const settlement = dispatch(eventOf({ Type: 1 }));

    expect(settlement).toBeInstanceOf(Promise);
    expect(came(await settlement)).toEqual(done('Crm.save', 'Audit.write'));
  });

  it('none, where none matches', async () => {
    const { dispatch } = await start(Desk);

    expect(came(await dispatch(eventOf({ Type: 1 })))).toEqual(done());
  });

  it('each once, however many of its decorators match', async () => {
    let runs = 0;
    class Keen {
      @OnXenioo()
      @OnXenioo(UserMessage)
      @OnXenioo([UserMessage, TakeOver])
      keep(): void {
        runs++;
      }
    }

    const { dispatch } = await start(Keen);

    expect(came(await dispatch(eventOf({ Type: 1 })))).toEqual(
      done('Keen.keep'),
    );
    expect(runs).toBe(1);
  });
});

describe('when two handlers match', () => {
  it('runs them side by side', async () => {
    let begin = () => {};
    const begun = new Promise<void>(resolve => (begin = resolve));
    class First {
      @OnXenioo()
      wait(): Promise<void> {
        return begun;
      }
    }
    class Second {
      @OnXenioo()
      begin(): void {
        begin();
      }
    }

    const { dispatch } = await start(First, Second);

    expect(came(await dispatch(eventOf({ Type: 1 })))).toEqual(
      done('First.wait', 'Second.begin'),
    );
  });

  it('shares one event between them', async () => {
    const seen = new Set<XeniooEvent>();
    class Both {
      @OnXenioo()
      one(event: XeniooEvent): void {
        seen.add(event);
      }

      @OnXenioo()
      other(event: XeniooEvent): void {
        seen.add(event);
      }
    }

    const event = eventOf({ Type: 1 });
    const { dispatch } = await start(Both);
    await dispatch(event);

    expect([...seen]).toEqual([event]);
  });
});

describe('when a handler fails', () => {
  const failure = new Error('CRM is down');

  class Throws {
    @OnXenioo()
    atOnce(): void {
      throw failure;
    }
  }

  class Rejects {
    @OnXenioo()
    async later(): Promise<void> {
      await Promise.reject(failure);
    }
  }

  class Asks {
    @OnXenioo({
      when: () => {
        throw failure;
      },
    })
    when(): void {}
  }

  it.each([
    ['at once', Throws, 'Throws.atOnce'],
    ['later', Rejects, 'Rejects.later'],
    ['in its condition', Asks, 'Asks.when'],
  ])('%s, the others run and the outcome tells', async (_w, bad, handler) => {
    const { dispatch } = await start(bad, Audit);

    expect(came(await dispatch(eventOf({ Type: 1 })))).toEqual(
      failed(handler, failure, 'Audit.write'),
    );
  });

  it('logs the error with its stack, the event by its id, and nobody’s words', async () => {
    const { dispatch, logs } = await start(Rejects);
    const event = eventOf({ Type: 1, Data: 'Hello', UserName: 'Anna' });
    await dispatch(event);

    expect(logs.ofXenioo('error')).toEqual([
      `Rejects.later failed on user-message ${event.id} and gives up (attempt 1), see XeniooDeadLetters: CRM is down\n${failure.stack}`,
    ]);
  });

  it('logs an invalid entry by its id, and not what is in it', async () => {
    class Full {
      @OnXeniooInvalid()
      keep(): void {
        throw failure;
      }
    }

    const { dispatch, logs } = await start(Full);
    const entry = invalidOf({ Type: 'Anna' });
    await dispatch(entry);

    expect(logs.ofXenioo('error')).toEqual([
      `Full.keep failed on invalid entry ${entry.id}: CRM is down\n${failure.stack}`,
    ]);
  });

  it.each([
    ['text', 'timed out'],
    ['nothing', undefined],
    ['a bare object', Object.create(null)],
  ])('with %s for an error, tells that', async (_what, thrown: unknown) => {
    class Odd {
      @OnXenioo()
      async fail(): Promise<void> {
        await Promise.reject(thrown);
      }
    }

    const { dispatch } = await start(Odd, Audit);

    expect(came(await dispatch(eventOf({ Type: 1 })))).toEqual(
      failed('Odd.fail', thrown, 'Audit.write'),
    );
  });
});

describe('when a handler hangs', () => {
  it('has failed when its time is up, and the bus hears the event', async () => {
    class Desk {
      @OnXenioo()
      hangs() {
        return new Promise<never>(() => {});
      }
    }
    const { dispatch, emitter, logs } = await start(Desk);
    const heard: unknown[] = [];
    emitter.on('xenioo.user-connected', event => heard.push(event));
    const event = eventOf({ Type: 8 });

    const settlement = await dispatch(event);

    expect(came(settlement)).toEqual(
      failed('Desk.hangs', new Error('took longer than 50 ms')),
    );
    expect(heard).toEqual([event]);
    expect(logs.ofXenioo('warn')).toEqual([
      expect.stringMatching(/^Desk.hangs .* 50 ms \(`handlerTimeoutMs`\)/),
    ]);
  });

  it('what it does later disturbs nobody', async () => {
    let fail = (_error: Error) => {};
    class Desk {
      @OnXenioo()
      hangs() {
        return new Promise<never>((_resolve, reject) => (fail = reject));
      }
    }
    const { dispatch, logs } = await start(Desk);

    await dispatch(eventOf({ Type: 8 }));
    fail(new Error('too late'));
    await new Promise(setImmediate);

    expect(JSON.stringify(logs.lines)).not.toContain('too late');
  });
});

describe('when a guard of the handler denies', () => {
  class Denies implements CanActivate {
    canActivate(): boolean {
      return false;
    }
  }

  let runs = 0;
  class Desk {
    @UseGuards(Denies)
    @OnXenioo()
    notify(): void {
      runs++;
    }
  }

  it('the handler is skipped, the others run and nothing is logged', async () => {
    const { dispatch, logs } = await start(Desk, Audit);

    expect(came(await dispatch(eventOf({ Type: 1 })))).toEqual(
      done('Desk.notify', 'Audit.write'),
    );
    expect(runs).toBe(0);
    expect(logs.ofXenioo('error')).toEqual([]);
  });

  it('the event emitter hears the event all the same', async () => {
    const { dispatch, emitter } = await start(Desk);
    const heard: unknown[] = [];
    emitter.on('xenioo.user-message', value => heard.push(value));
    const event = eventOf({ Type: 1 });
    await dispatch(event);

    expect(heard).toEqual([event]);
  });
});

describe('when a filter of the handler handles the error', () => {
  it('the handler is done', async () => {
    const caught: unknown[] = [];
    class Keeps implements ExceptionFilter {
      catch(error: unknown): void {
        caught.push(error);
      }
    }
    const failure = new Error('CRM is down');
    class Desk {
      @UseFilters(Keeps)
      @OnXenioo()
      notify(): void {
        throw failure;
      }
    }

    const { dispatch, logs } = await start(Desk);

    expect(came(await dispatch(eventOf({ Type: 1 })))).toEqual(
      done('Desk.notify'),
    );
    expect(caught).toEqual([failure]);
    expect(logs.ofXenioo('error')).toEqual([]);
  });
});

describe('when a handler returns an Observable', () => {
  it('its end is waited for, and its error is the handler’s', async () => {
    const failure = new Error('down');
    const steps: string[] = [];
    class Streams {
      @OnXenioo()
      ends() {
        return defer(async () => {
          await new Promise(setImmediate);
          steps.push('ended');
        });
      }

      @OnXenioo()
      fails() {
        return throwError(() => failure);
      }
    }

    const { dispatch } = await start(Streams);

    expect(came(await dispatch(eventOf({ Type: 1 })))).toEqual(
      failed('Streams.fails', failure, 'Streams.ends'),
    );
    expect(steps).toEqual(['ended']);
  });
});

describe('the event emitter', () => {
  it.each([
    ['xenioo.user-message', { Type: 1 }],
    ['xenioo.wrong-reply', { Type: 13 }],
    ['xenioo.unknown', { Type: 99 }],
    ['xenioo.invalid', { Type: 'x' }],
  ])('hears %s', async (name, wire) => {
    const { dispatch, emitter } = await start();
    const heard: unknown[] = [];
    emitter.onAny((...values: unknown[]) => heard.push(values));
    const entry = parsed(wire);
    await dispatch(entry);

    expect(heard).toEqual([[name, entry]]);
  });

  it('hears it once, when every handler has ended, well or badly', async () => {
    const steps: string[] = [];
    class Slow {
      @OnXenioo()
      async fail(): Promise<void> {
        await new Promise(setImmediate);
        steps.push('failed');
        throw new Error('down');
      }

      @OnXenioo()
      async work(): Promise<void> {
        await new Promise(setImmediate);
        await new Promise(setImmediate);
        steps.push('done');
      }
    }

    const { dispatch, emitter } = await start(Slow);
    emitter.on('xenioo.user-message', () => steps.push('heard'));
    await dispatch(eventOf({ Type: 1 }));

    expect(steps).toEqual(['failed', 'done', 'heard']);
  });

  it('can’t break a delivery', async () => {
    const { dispatch, emitter } = await start(Crm);
    emitter.on('xenioo.user-message', () => {
      throw new Error('listener');
    });

    expect(came(await dispatch(eventOf({ Type: 1 })))).toEqual(
      done('Crm.save'),
    );
  });
});

describe('handlers with dependencies', () => {
  it('use those of their module', async () => {
    @Injectable()
    class Store {
      readonly kept: XeniooEvent[] = [];
    }

    @Injectable()
    class Keeper {
      constructor(private readonly store: Store) {}

      @OnXenioo()
      keep(event: XeniooEvent): void {
        this.store.kept.push(event);
      }
    }

    const { app, dispatch } = await start(Store, Keeper);
    const event = eventOf({ Type: 8 });
    await dispatch(event);

    expect(app.get(Store).kept).toEqual([event]);
  });
});
