import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PacedRunner, type Pace } from '../../../lib/simulator/paced-runner.js';

async function* numbers(count: number): AsyncGenerator<number, undefined> {
  for (let index = 0; index < count; index++) yield index;
}

/** Calls that last until they are answered. */
class Calls {
  readonly started: number[] = [];
  readonly answers: ((goesOn: boolean) => void)[] = [];
  readonly make = (call: number): Promise<boolean> => {
    this.started.push(call);
    return new Promise(resolve => this.answers.push(resolve));
  };
}

const settled = () => new Promise(setImmediate);

type TestPace = Partial<Pace<number>> & { readonly intervalMs?: number };

function run(
  list: AsyncGenerator<number, undefined>,
  make: (call: number) => Promise<boolean>,
  { intervalMs = 0, ...pace }: TestPace = {},
): Promise<void> {
  return new PacedRunner(list, make, {
    concurrency: 1,
    startAfterMs: (_call, index) => index * intervalMs,
    ...pace,
  }).run();
}

describe('PacedRunner', () => {
  it('starts calls in their order, no more at once than `concurrency`', async () => {
    const calls = new Calls();
    const done = run(numbers(5), calls.make, { concurrency: 2 });
    await settled();
    expect(calls.started).toEqual([0, 1]);

    calls.answers[1]!(true);
    await settled();
    expect(calls.started).toEqual([0, 1, 2]);

    calls.answers[0]!(true);
    calls.answers[2]!(true);
    await settled();
    expect(calls.started).toEqual([0, 1, 2, 3, 4]);

    calls.answers[3]!(true);
    calls.answers[4]!(true);
    await done;
  });

  it('resolves when the last call is answered', async () => {
    const calls = new Calls();
    let isDone = false;
    const done = run(numbers(2), calls.make, { concurrency: 5 }).then(
      () => (isDone = true),
    );
    await settled();
    calls.answers[0]!(true);
    await settled();
    expect(isDone).toBe(false);

    calls.answers[1]!(true);
    await done;
  });

  it('makes no call for an empty list', async () => {
    const make = vi.fn<() => Promise<boolean>>();
    await run(numbers(0), make, { intervalMs: 60_000 });

    expect(make).not.toHaveBeenCalled();
  });

  it('waits for no interval after the last call', async () => {
    const calls = new Calls();
    const done = run(numbers(1), calls.make, {
      intervalMs: 60_000,
      concurrency: 32,
    });
    await settled();
    calls.answers[0]!(true);

    await done;
    expect(calls.started).toEqual([0]);
  });
});

describe('the pace of a PacedRunner', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Lets time pass. */
  const pass = async (ms: number) => {
    vi.advanceTimersByTime(ms);
    await settled();
  };

  it('starts each call at its time, however high `concurrency` is', async () => {
    const calls = new Calls();
    const done = run(numbers(3), calls.make, {
      intervalMs: 20,
      concurrency: 100,
    });
    await pass(0);
    expect(calls.started).toEqual([0]);
    await pass(18);
    expect(calls.started).toEqual([0]);
    await pass(2);
    expect(calls.started).toEqual([0, 1]);
    await pass(18);
    expect(calls.started).toEqual([0, 1]);
    await pass(2);
    expect(calls.started).toEqual([0, 1, 2]);

    for (const answer of calls.answers) answer(true);
    await done;
  });

  it('starts calls at irregular times', async () => {
    const calls = new Calls();
    const done = run(numbers(3), calls.make, {
      concurrency: 5,
      startAfterMs: call => [0, 5, 60_000][call]!,
    });
    await pass(0);
    expect(calls.started).toEqual([0]);
    await pass(5);
    expect(calls.started).toEqual([0, 1]);
    await pass(60_000);
    expect(calls.started).toEqual([0, 1, 2]);

    for (const answer of calls.answers) answer(true);
    await done;
  });

  it('counts from the start of the first call, not from its answer', async () => {
    const calls = new Calls();
    const done = run(numbers(2), calls.make, { intervalMs: 20 });
    await pass(0);
    await pass(10);
    calls.answers[0]!(true);
    await pass(8);
    expect(calls.started).toEqual([0]);
    await pass(2);
    expect(calls.started).toEqual([0, 1]);

    calls.answers[1]!(true);
    await done;
  });

  it('starts late calls at once', async () => {
    const calls = new Calls();
    const done = run(numbers(4), calls.make, { intervalMs: 20 });
    await pass(0);
    await pass(100);
    expect(calls.started).toEqual([0]);
    for (let call = 0; call < 4; call++) {
      calls.answers[call]!(true);
      await pass(0);
    }

    await done;
    expect(calls.started).toEqual([0, 1, 2, 3]);
  });
});

describe('the end of a PacedRunner', () => {
  /** An endless list that reports when it is closed. */
  function endless() {
    const closed = vi.fn<() => void>();
    async function* list(): AsyncGenerator<number, undefined> {
      try {
        for (let index = 0; ; index++) yield index;
      } finally {
        closed();
      }
    }
    return { list: list(), closed };
  }

  async function* silent(after: number): AsyncGenerator<number, undefined> {
    yield* numbers(after);
    await new Promise(() => {});
    return undefined;
  }

  it('stops when a call asks for it, and closes the list', async () => {
    const { list, closed } = endless();
    const started: number[] = [];
    await run(list, async call => started.push(call) < 3);

    expect(started).toEqual([0, 1, 2]);
    expect(closed).toHaveBeenCalledOnce();
  });

  it('stops at once while the next call waits for its time', async () => {
    const calls = new Calls();
    const done = run(numbers(5), calls.make, {
      intervalMs: 60_000,
      concurrency: 2,
    });
    await settled();
    calls.answers[0]!(false);

    await done;
    expect(calls.started).toEqual([0]);
  });

  it('stops at once while the list is silent', async () => {
    const calls = new Calls();
    const done = run(silent(1), calls.make, { concurrency: 2 });
    await settled();
    calls.answers[0]!(false);

    await done;
    expect(calls.started).toEqual([0]);
  });

  it.each([
    ['before', () => AbortSignal.abort(), []],
    ['while the list is silent', () => AbortSignal.timeout(30), [0]],
  ])(
    'stops when the signal aborts: %s',
    async (_when, makeSignal, expected) => {
      const started: number[] = [];
      const signal = makeSignal();
      await run(silent(1), async call => started.push(call) > 0, { signal });

      expect(started).toEqual(expected);
    },
  );

  it('completes the calls under way when the signal aborts', async () => {
    const { list, closed } = endless();
    const controller = new AbortController();
    const calls = new Calls();
    let isDone = false;
    const done = run(list, calls.make, {
      signal: controller.signal,
      concurrency: 2,
    }).then(() => (isDone = true));
    await settled();
    controller.abort();
    await settled();

    expect(closed).toHaveBeenCalledOnce();
    expect(isDone).toBe(false);
    calls.answers[0]!(true);
    calls.answers[1]!(true);
    await done;
    expect(calls.started).toEqual([0, 1]);
  });

  it('rejects with the error of a call, once the others are answered', async () => {
    const { list, closed } = endless();
    const calls = new Calls();
    const error = new Error('callback broke');
    const done = run(
      list,
      call => (call === 1 ? Promise.reject(error) : calls.make(call)),
      { concurrency: 3 },
    );
    let isDone = false;
    done.catch(() => (isDone = true));
    await settled();
    expect(isDone).toBe(false);

    for (const answer of calls.answers) answer(true);
    await expect(done).rejects.toBe(error);
    expect(calls.started.length).toBeLessThan(3);
    expect(closed).toHaveBeenCalledOnce();
  });

  it('rejects with the error of the list, once the calls under way are answered', async () => {
    const error = new Error('file is gone');
    async function* broken(): AsyncGenerator<number, undefined> {
      yield 0;
      throw error;
    }
    const calls = new Calls();
    const done = run(broken(), calls.make, { concurrency: 3 });
    let isDone = false;
    done.catch(() => (isDone = true));
    await settled();
    expect(isDone).toBe(false);

    calls.answers[0]!(true);
    await expect(done).rejects.toBe(error);
  });

  it('leaves no listener on the signal', async () => {
    const { signal } = new AbortController();
    const add = vi.spyOn(signal, 'addEventListener');
    const remove = vi.spyOn(signal, 'removeEventListener');
    await run(numbers(100), async () => true, { signal });

    expect(remove).toHaveBeenCalledTimes(add.mock.calls.length);
    expect(add.mock.calls.length).toBe(1);
  });
});
