import { concat, defer, EMPTY, from, of, throwError } from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  Deadlines,
  HandlerExecution,
  StartContext,
} from '../../../lib/handlers/handler-execution.js';
import { DENIED } from '../../../lib/handlers/nest-internals.js';

const down = new Error('CRM is down');

/** Records each call of its callbacks. */
class RecordingExecution extends HandlerExecution {
  readonly ends: ('done' | { error: unknown })[] = [];

  protected override onDone(): void {
    this.ends.push('done');
  }

  protected override onError(error: unknown): void {
    this.ends.push({ error });
  }
}

/** Runs a handler and returns its results. */
async function resultsOf(
  execute: () => unknown,
): Promise<RecordingExecution['ends']> {
  const execution = new RecordingExecution(new Deadlines(10_000));
  execution.start(new StartContext(), execute, undefined);
  await expect.poll(() => execution.ends).not.toEqual([]);
  await new Promise(setImmediate);
  return execution.ends;
}

/** Returns a proxy whose prototype and properties throw when read. */
function createRevokedProxy(): object {
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
])(
  'HandlerExecution is done when a handler returns %s',
  async (_what, value) => {
    expect(await resultsOf(() => value)).toEqual(['done']);
  },
);

it('HandlerExecution subscribes once to an Observable and waits for its completion', async () => {
  const steps: string[] = [];
  const step = (name: string) =>
    defer(async () => {
      await new Promise(setImmediate);
      steps.push(name);
    });
  await resultsOf(() => concat(step('first'), step('last')));

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
])(
  'HandlerExecution fails with the error of a handler that %s',
  async (_how, execute) => {
    expect(await resultsOf(execute)).toEqual([{ error: down }]);
  },
);

it.each<[string, unknown]>([
  ['text', 'timed out'],
  ['nothing', undefined],
  ['a bare object', Object.create(null)],
])(
  'HandlerExecution fails with %s when a handler throws it',
  async (_what, thrown) => {
    const [end] = await resultsOf(() => Promise.reject(thrown));

    expect(end).toEqual({ error: thrown });
  },
);

describe('HandlerExecution with an unreadable value', () => {
  it('fails with it when a handler throws it', async () => {
    const proxy = createRevokedProxy();
    const throwing = await resultsOf(() => {
      throw proxy;
    });
    const rejecting = await resultsOf(() => Promise.reject(proxy));

    for (const [end] of [throwing, rejecting]) {
      expect((end as { error: unknown }).error === proxy).toBe(true);
    }
  });

  it.each<[string, () => object]>([
    ['a revoked proxy', createRevokedProxy],
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
  ])('reports one result when a handler returns %s', async (_what, make) => {
    expect(await resultsOf(() => make())).toHaveLength(1);
    expect(await resultsOf(async () => make())).toHaveLength(1);
  });
});

describe('HandlerExecution that times out', () => {
  async function startHanging() {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const execution = new RecordingExecution(new Deadlines(50));
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

  it('fails with an error that names handlerTimeoutMs', async () => {
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
    'ignores a handler that %s later',
    async how => {
      const { execution, end } = await startHanging();

      if (how === 'fails') end.reject(down);
      else end.resolve();
      await new Promise(setImmediate);

      expect(execution.ends).toHaveLength(1);
    },
  );
});
