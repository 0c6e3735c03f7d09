import { Logger } from '@nestjs/common';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type {
  XeniooCarrier,
  XeniooDelivery,
} from '../../../lib/events/xenioo-delivery.js';
import type { XeniooHandlerResult } from '../../../lib/handlers/xenioo-task.js';
import {
  XeniooObservers,
  type XeniooHandlerRun,
  type XeniooObserver,
} from '../../../lib/handlers/xenioo.observers.js';
import { LogRecorder } from '../../support/log-recorder.js';
import { eventOf } from '../../support/entry-of.js';

const event = eventOf({ Type: 1, Data: 'Hello' });

const delivery: XeniooDelivery = {
  bot: 'default',
  receivedAt: new Date(),
  entries: [event],
};

const run: XeniooHandlerRun = { handler: 'Crm.save', event, attempt: 1 };

let logs: LogRecorder;

beforeEach(() => {
  logs = new LogRecorder();
  Logger.overrideLogger(logs);
});

const observersWith = (...added: XeniooObserver[]) => {
  const observers = new XeniooObservers();
  for (const observer of added) observers.add(observer);
  return observers;
};

describe('XeniooObservers', () => {
  it('calls every observer that has the method, in the order in which they were added', () => {
    const heard: unknown[] = [];
    const observers = observersWith(
      { deliveryAccepted: given => heard.push(['first', given]) },
      {},
      { deliveryAccepted: given => heard.push(['last', given]) },
    );

    observers.notify('deliveryAccepted', delivery);

    expect(heard).toEqual([
      ['first', delivery],
      ['last', delivery],
    ]);
  });

  it('calls methods with the observer as `this` and all arguments', () => {
    class Counting implements XeniooObserver {
      readonly heard: string[] = [];
      deliveryAccepted() {
        this.heard.push('accepted');
      }
      handlerFinished(
        { handler }: XeniooHandlerRun,
        { status }: XeniooHandlerResult,
      ) {
        this.heard.push(`${handler} ${status}`);
      }
    }
    const counting = new Counting();
    const observers = observersWith(counting);

    observers.notify('deliveryAccepted', delivery);
    observers.notify('handlerFinished', run, {
      handler: 'Crm.save',
      status: 'done',
      attempts: 1,
    });

    expect(counting.heard).toEqual(['accepted', 'Crm.save done']);
  });

  it('no longer calls an observer once it is removed', () => {
    const observers = new XeniooObservers();
    const [removed, kept] = [vi.fn<() => void>(), vi.fn<() => void>()];
    const remove = observers.add({ handlerStarted: removed });
    observers.add({ handlerStarted: kept });
    expect(observers.isEmpty).toBe(false);

    remove();
    remove();
    observers.notify('handlerStarted', run);

    expect(removed).not.toHaveBeenCalled();
    expect(kept).toHaveBeenCalledOnce();
  });

  it('is empty before an observer is added and after the last is removed', () => {
    const observers = new XeniooObservers();
    expect(observers.isEmpty).toBe(true);

    observers.add({})();

    expect(observers.isEmpty).toBe(true);
  });

  it('allows an observer to remove itself and add another during the call', () => {
    const observers = new XeniooObservers();
    const [late, last] = [vi.fn<() => void>(), vi.fn<() => void>()];
    const remove = observers.add({
      handlerStarted() {
        remove();
        observers.add({ handlerStarted: late });
      },
    });
    observers.add({ handlerStarted: last });

    observers.notify('handlerStarted', run);
    expect(last).toHaveBeenCalledTimes(1);
    expect(late).not.toHaveBeenCalled();

    observers.notify('handlerStarted', run);
    expect(last).toHaveBeenCalledTimes(2);
    expect(late).toHaveBeenCalledTimes(1);
  });

  it.each<[string, XeniooObserver['handlerStarted']]>([
    [
      'throws',
      () => {
        throw new Error('no connection');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no connection'))],
  ])('logs an observer that %s and calls the next', async (_name, broken) => {
    const next = vi.fn<() => void>();
    const observers = observersWith(
      { handlerStarted: broken! },
      { handlerStarted: next },
    );

    observers.notify('handlerStarted', run);

    expect(next).toHaveBeenCalledOnce();
    await expect
      .poll(() => logs.ofXenioo('error'))
      .toEqual([
        expect.stringContaining(
          '`handlerStarted()` of an observer failed; the delivery is not affected: no connection',
        ),
      ]);
  });

  it.each<[string, (observers: XeniooObservers, value: never) => void]>([
    ['xenioo.strike', (all, value) => all.notify('strike', value)],
    ['xenioo.refused', (all, value) => all.notify('callRefused', value)],
    [
      'xenioo.duplicate',
      (all, value) => all.notify('duplicatesDropped', value),
    ],
    [
      'xenioo.dead-letter',
      (all, value) => all.notify('deadLetterAdded', value),
    ],
  ])('publishes on the channel %s', (name, notify) => {
    const published: unknown[] = [];
    const record = (message: unknown) => void published.push(message);
    subscribe(name, record);
    onTestFinished(() => void unsubscribe(name, record));
    const value = { bot: 'default' } as never;

    notify(new XeniooObservers(), value);

    expect(published).toEqual([value]);
  });
});

describe('XeniooObservers.carrierOf()', () => {
  it('merges the strings of all observers', () => {
    const observers = observersWith(
      { carrier: () => ({ traceparent: '00-1-2-01', tenant: 'a' }) },
      { carrier: () => undefined },
      {},
      { carrier: ({ bot }) => ({ tenant: bot }) },
    );

    expect(observers.carrierOf(delivery)).toEqual({
      traceparent: '00-1-2-01',
      tenant: 'default',
    });
  });

  it('returns undefined when no observer provides a carrier', () => {
    const observers = observersWith({}, { carrier: () => undefined });

    expect(observers.carrierOf(delivery)).toBeUndefined();
  });

  it('omits an observer that throws, and logs its error', () => {
    const observers = observersWith(
      {
        carrier: () => {
          throw new Error('no span');
        },
      },
      { carrier: () => ({ tenant: 'a' }) },
    );

    expect(observers.carrierOf(delivery)).toEqual({ tenant: 'a' });
    expect(logs.ofXenioo('error')[0]).toContain(
      '`carrier()` of an observer failed; the delivery is not affected: no span',
    );
  });
});

describe('XeniooObservers.carrierOf() of an observer in JavaScript', () => {
  it.each([
    ['resolves', async () => ({ tenant: 'b' })],
    ['rejects', () => Promise.reject(new Error('no span'))],
  ])('omits and logs an async carrier() that %s', async (_, carrier) => {
    const observers = observersWith(
      { carrier: carrier as unknown as () => XeniooCarrier },
      { carrier: () => ({ tenant: 'a' }) },
    );

    expect(observers.carrierOf(delivery)).toEqual({ tenant: 'a' });
    // An unhandled rejection would fail the test.
    await setImmediate();
    expect(logs.ofXenioo('error')).toEqual([
      expect.stringContaining(
        '`carrier()` of an observer failed; the delivery is not affected: expected an object of strings, got a promise',
      ),
    ]);
  });
});

describe('XeniooObservers.runHandler()', () => {
  it('runs the handler when no observer wraps it', async () => {
    const observers = observersWith({});

    expect(await observers.runHandler(run, async () => 'done')).toBe('done');
  });

  it('nests the observers around the handler, the first one outermost', async () => {
    const steps: string[] = [];
    const wrapping = (name: string): XeniooObserver => ({
      async runHandler(given, next) {
        expect(given).toBe(run);
        steps.push(`${name} begins`);
        const result = await next();
        steps.push(`${name} ends`);
        return result;
      },
    });
    const observers = observersWith(wrapping('first'), {}, wrapping('last'));

    const result = await observers.runHandler(run, async () => {
      steps.push('handler');
      return 'result';
    });

    expect(result).toBe('result');
    // The result does not wait for the end of the observers.
    await setImmediate();
    expect(steps).toEqual([
      'first begins',
      'last begins',
      'handler',
      'last ends',
      'first ends',
    ]);
  });

  const throwing = async () => {
    throw new Error('no tracer');
  };

  it.each<[string, NonNullable<XeniooObserver['runHandler']>, number]>([
    ['throws before the handler', throwing, 1],
    [
      'throws after the handler',
      async (_run, next) => {
        await next();
        return throwing();
      },
      1,
    ],
    ['never calls the handler', async () => undefined, 0],
    [
      'returns something else',
      async (_run, next) => {
        await next();
        return 'something else';
      },
      0,
    ],
    [
      'calls the handler twice',
      async (_run, next) => {
        await next();
        return next();
      },
      0,
    ],
    [
      'never ends',
      async (_run, next) => {
        await next();
        return new Promise(() => {});
      },
      0,
    ],
    [
      'does not wait for the handler',
      async (_run, next) => {
        void next();
        return undefined;
      },
      0,
    ],
  ])(
    'runs the handler once and returns its result when an observer %s',
    async (_name, runHandler, logged) => {
      const observers = observersWith({ runHandler }, {});
      const handle = vi.fn<() => Promise<string>>(async () => {
        await setImmediate();
        return 'done';
      });

      expect(await observers.runHandler(run, handle)).toBe('done');
      await setImmediate();
      expect(handle).toHaveBeenCalledOnce();
      expect(logs.ofXenioo('error')).toHaveLength(logged);
    },
  );

  it.each<[string, NonNullable<XeniooObserver['runHandler']>]>([
    ['passes it on', (_run, next) => next()],
    [
      'swallows it',
      async (_run, next) => {
        await next().catch(() => undefined);
        return 'done';
      },
    ],
    [
      'waits for something else first',
      async (_run, next) => {
        const ended = next();
        await setImmediate();
        await setImmediate();
        return ended;
      },
    ],
  ])(
    'rejects with the error of the handler when an observer %s',
    async (_name, runHandler) => {
      const observers = observersWith({ runHandler });
      const error = new Error('CRM is down');

      const ran = observers.runHandler(run, () => Promise.reject(error));

      await expect(ran).rejects.toBe(error);
      expect(logs.ofXenioo()).toEqual([]);
    },
  );
});

it.each([null, undefined, 'observer'])(
  'XeniooObservers.add() rejects %s',
  value => {
    expect(() => new XeniooObservers().add(value as never)).toThrow(
      /expected an observer to be an object/,
    );
  },
);

it.each([{ trace: 10n }, 'trace', ['trace']])(
  'XeniooObservers.carrierOf() omits a carrier that is not an object of strings: %o',
  carrier => {
    const observers = observersWith(
      { carrier: () => carrier as never },
      { carrier: () => ({ traceparent: '00-1' }) },
    );

    expect(observers.carrierOf(delivery)).toEqual({ traceparent: '00-1' });
    expect(logs.ofXenioo('error')).toEqual([
      expect.stringContaining('expected an object of strings'),
    ]);
  },
);
