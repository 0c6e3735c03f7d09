import { concat, defer, EMPTY, from, of, throwError } from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  Deadlines,
  HandlerExecution,
  StartContext,
} from '../../../lib/handlers/handler-execution.js';
import { DENIED } from '../../../lib/handlers/nest-internals.js';

const down = new Error('CRM is down');

/** Notes each call of its callbacks. */
class Execution extends HandlerExecution {
  readonly ends: ('done' | { error: unknown })[] = [];

  protected override onDone(): void {
    this.ends.push('done');
  }

  protected override onError(error: unknown): void {
    this.ends.push({ error });
  }
}

/** Runs a handler to its end. */
async function endsOf(execute: () => unknown): Promise<Execution['ends']> {
  const execution = new Execution(new Deadlines(10_000));
  execution.start(new StartContext(), execute, undefined);
  await expect.poll(() => execution.ends).not.toEqual([]);
  await new Promise(setImmediate);
  return execution.ends;
}

/** A value whose prototype and properties can't be read. */
function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const thenable = (
  then: (
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ) => void,
) => new Proxy({}, { get: (_, name) => (name === 'then' ? then : undefined) });

it.each<[string, unknown]>([
  ['nothing', undefined],
  ['null', null],
  ['a value', { saved: true }],
  ['a promise', Promise.resolve(1)],
  ['a promise-like of another library', thenable(resolve => resolve(1))],
  ['an Observable of one value', of(1)],
  ['an Observable of several values', of(1, 2, 3)],
  ['an Observable of none', EMPTY],
  ['an Observable of a promise', from(Promise.resolve(1))],
  ['a promise of an Observable', Promise.resolve(of(1))],
  ['a denial of a guard', DENIED],
  ['a promise of a denial', Promise.resolve(DENIED)],
])('is done with a handler that returns %s', async (_what, value) => {
  expect(await endsOf(() => value)).toEqual(['done']);
});

it('waits for the end of an Observable, and subscribes to it once', async () => {
  const steps: string[] = [];
  const step = (name: string) =>
    defer(async () => {
      await new Promise(setImmediate);
      steps.push(name);
    });
  await endsOf(() => concat(step('first'), step('last')));

  expect(steps).toEqual(['first', 'last']);
});

it.each<[string, () => unknown]>([
  [
    'throws',
    () => {
      throw down;
    },
  ],
  ['rejects', () => Promise.reject(down)],
  [
    'returns a promise-like that rejects',
    () => thenable((_, reject) => reject(down)),
  ],
  [
    'returns a promise-like that throws',
    () =>
      thenable(() => {
        throw down;
      }),
  ],
  ['returns an Observable that fails', () => throwError(() => down)],
  [
    'returns an Observable that fails after a value',
    () =>
      concat(
        of(1),
        throwError(() => down),
      ),
  ],
])('fails with the error of a handler that %s', async (_how, execute) => {
  expect(await endsOf(execute)).toEqual([{ error: down }]);
});

it.each<[string, unknown]>([
  ['text', 'timed out'],
  ['nothing', undefined],
  ['a bare object', Object.create(null)],
])('fails with %s, where a handler throws that', async (_what, thrown) => {
  const [end] = await endsOf(() => Promise.reject(thrown));

  expect(end).toEqual({ error: thrown });
});

describe('a value that can’t be read', () => {
  it('is the error of a handler that throws it', async () => {
    const proxy = revoked();
    const throwing = await endsOf(() => {
      throw proxy;
    });
    const rejecting = await endsOf(() => Promise.reject(proxy));

    for (const [end] of [throwing, rejecting]) {
      expect((end as { error: unknown }).error === proxy).toBe(true);
    }
  });

  it.each<[string, () => object]>([
    ['a revoked proxy', revoked],
    [
      'an object whose properties throw',
      () =>
        new Proxy(
          {},
          {
            get: (_, name) => {
              if (name === 'then') return undefined;
              throw down;
            },
          },
        ),
    ],
  ])('ends a handler once that returns %s', async (_what, make) => {
    expect(await endsOf(() => make())).toHaveLength(1);
    expect(await endsOf(async () => make())).toHaveLength(1);
  });
});

describe('a handler that takes too long', () => {
  async function startHanging() {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const execution = new Execution(new Deadlines(50));
    const end = { resolve: () => {}, reject: (_error: Error) => {} };
    execution.start(
      new StartContext(),
      () =>
        new Promise<void>((resolve, reject) =>
          Object.assign(end, { resolve, reject }),
        ),
      undefined,
    );
    await vi.advanceTimersByTimeAsync(49);
    expect(execution.ends).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    return { execution, end };
  }

  it('fails when its time is over', async () => {
    const { execution } = await startHanging();

    expect(execution.ends).toEqual([
      {
        error: new Error(
          'the handler timed out after 50 ms (`handlerTimeoutMs`) and may still be running',
        ),
      },
    ]);
  });

  it.each(['succeeds', 'fails'])(
    'changes nothing if it %s later',
    async how => {
      const { execution, end } = await startHanging();

      if (how === 'fails') end.reject(down);
      else end.resolve();
      await new Promise(setImmediate);

      expect(execution.ends).toHaveLength(1);
    },
  );
});
