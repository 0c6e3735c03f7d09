import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PacedRunner, type Pace } from '../../../lib/simulator/paced-runner.js';

async function* numbers(count: number): AsyncGenerator<number, undefined> {
  for (let index = 0; index < count; index++) yield index;
}

/** Records calls, which last until the test answers them. */
class RecordedCalls {
  readonly started: number[] = [];
  readonly answers: ((shouldContinue: boolean) => void)[] = [];
  readonly make = (call: number): Promise<boolean> => {
    this.started.push(call);
    return new Promise(resolve => this.answers.push(resolve));
  };
}

const nextTurn = () => new Promise(setImmediate);

type TestPace = Partial<Pace<number>> & { readonly intervalMs?: number };

function runPaced(
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
  it('starts calls in order, at most `concurrency` at once', async () => {
    const calls = new RecordedCalls();
    const done = runPaced(numbers(5), calls.make, { concurrency: 2 });
    await nextTurn();
    expect(calls.started).toEqual([0, 1]);

    calls.answers[1]!(true);
    await nextTurn();
    expect(calls.started).toEqual([0, 1, 2]);

    calls.answers[0]!(true);
    calls.answers[2]!(true);
    await nextTurn();
    expect(calls.started).toEqual([0, 1, 2, 3, 4]);

    calls.answers[3]!(true);
    calls.answers[4]!(true);
    await done;
  });

  it('resolves when the last call is answered', async () => {
    const calls = new RecordedCalls();
    let isDone = false;
    const done = runPaced(numbers(2), calls.make, { concurrency: 5 }).then(
      () => (isDone = true),
    );
    await nextTurn();
    calls.answers[0]!(true);
    await nextTurn();
    expect(isDone).toBe(false);

    calls.answers[1]!(true);
    await done;
  });

  it('makes no call for an empty list', async () => {
    const make = vi.fn<() => Promise<boolean>>();
    await runPaced(numbers(0), make, { intervalMs: 60_000 });

    expect(make).not.toHaveBeenCalled();
  });

  it('does not wait for an interval after the last call', async () => {
    const calls = new RecordedCalls();
    const done = runPaced(numbers(1), calls.make, {
      intervalMs: 60_000,
      concurrency: 32,
    });
    await nextTurn();
    calls.answers[0]!(true);

    await done;
    expect(calls.started).toEqual([0]);
  });
});

describe('PacedRunner pace', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Advances the fake timers and waits for the event loop. */
  const advanceTime = async (ms: number) => {
    vi.advanceTimersByTime(ms);
    await nextTurn();
  };

  it('starts each call at its scheduled time, even with a high `concurrency`', async () => {
    const calls = new RecordedCalls();
    const done = runPaced(numbers(3), calls.make, {
      intervalMs: 20,
      concurrency: 100,
    });
    await advanceTime(0);
    expect(calls.started).toEqual([0]);
    await advanceTime(18);
    expect(calls.started).toEqual([0]);
    await advanceTime(2);
    expect(calls.started).toEqual([0, 1]);
    await advanceTime(18);
    expect(calls.started).toEqual([0, 1]);
    await advanceTime(2);
    expect(calls.started).toEqual([0, 1, 2]);

    for (const answer of calls.answers) answer(true);
    await done;
  });

  it('supports irregular times', async () => {
    const calls = new RecordedCalls();
    const done = runPaced(numbers(3), calls.make, {
      concurrency: 5,
      startAfterMs: call => [0, 5, 60_000][call]!,
    });
    await advanceTime(0);
    expect(calls.started).toEqual([0]);
    await advanceTime(5);
    expect(calls.started).toEqual([0, 1]);
    await advanceTime(60_000);
    expect(calls.started).toEqual([0, 1, 2]);

    for (const answer of calls.answers) answer(true);
    await done;
  });

  it('measures times from the start of the first call, not from its answer', async () => {
    const calls = new RecordedCalls();
    const done = runPaced(numbers(2), calls.make, { intervalMs: 20 });
    await advanceTime(0);
    await advanceTime(10);
    calls.answers[0]!(true);
    await advanceTime(8);
    expect(calls.started).toEqual([0]);
    await advanceTime(2);
    expect(calls.started).toEqual([0, 1]);

    calls.answers[1]!(true);
    await done;
  });

  it('starts overdue calls at once', async () => {
    const calls = new RecordedCalls();
    const done = runPaced(numbers(4), calls.make, { intervalMs: 20 });
    await advanceTime(0);
    await advanceTime(100);
    expect(calls.started).toEqual([0]);
    for (let call = 0; call < 4; call++) {
      calls.answers[call]!(true);
      await advanceTime(0);
    }

    await done;
    expect(calls.started).toEqual([0, 1, 2, 3]);
  });
});

describe('PacedRunner end', () => {
  /** Returns an endless list and a function that records that it was closed. */
  function createEndlessList() {
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

  async function* createSilentList(
    after: number,
  ): AsyncGenerator<number, undefined> {
    yield* numbers(after);
    await new Promise(() => {});
    return undefined;
  }

  it('stops when a call requests it, and closes the list', async () => {
    const { list, closed } = createEndlessList();
    const started: number[] = [];
    await runPaced(list, async call => started.push(call) < 3);

    expect(started).toEqual([0, 1, 2]);
    expect(closed).toHaveBeenCalledOnce();
  });

  it('stops at once while waiting for the time of the next call', async () => {
    const calls = new RecordedCalls();
    const done = runPaced(numbers(5), calls.make, {
      intervalMs: 60_000,
      concurrency: 2,
    });
    await nextTurn();
    calls.answers[0]!(false);

    await done;
    expect(calls.started).toEqual([0]);
  });

  it('stops at once while waiting for the list', async () => {
    const calls = new RecordedCalls();
    const done = runPaced(createSilentList(1), calls.make, { concurrency: 2 });
    await nextTurn();
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
      await runPaced(
        createSilentList(1),
        async call => started.push(call) > 0,
        { signal },
      );

      expect(started).toEqual(expected);
    },
  );

  it('completes running calls when the signal aborts', async () => {
    const { list, closed } = createEndlessList();
    const controller = new AbortController();
    const calls = new RecordedCalls();
    let isDone = false;
    const done = runPaced(list, calls.make, {
      signal: controller.signal,
      concurrency: 2,
    }).then(() => (isDone = true));
    await nextTurn();
    controller.abort();
    await nextTurn();

    expect(closed).toHaveBeenCalledOnce();
    expect(isDone).toBe(false);
    calls.answers[0]!(true);
    calls.answers[1]!(true);
    await done;
    expect(calls.started).toEqual([0, 1]);
  });

  it('rejects with the error of a call after the other calls are answered', async () => {
    const { list, closed } = createEndlessList();
    const calls = new RecordedCalls();
    const error = new Error('callback broke');
    const done = runPaced(
      list,
      call => (call === 1 ? Promise.reject(error) : calls.make(call)),
      { concurrency: 3 },
    );
    let isDone = false;
    done.catch(() => (isDone = true));
    await nextTurn();
    expect(isDone).toBe(false);

    for (const answer of calls.answers) answer(true);
    await expect(done).rejects.toBe(error);
    expect(calls.started.length).toBeLessThan(3);
    expect(closed).toHaveBeenCalledOnce();
  });

  it('rejects with the error of the list after the running calls are answered', async () => {
    const error = new Error('file is gone');
    async function* broken(): AsyncGenerator<number, undefined> {
      yield 0;
      throw error;
    }
    const calls = new RecordedCalls();
    const done = runPaced(broken(), calls.make, { concurrency: 3 });
    let isDone = false;
    done.catch(() => (isDone = true));
    await nextTurn();
    expect(isDone).toBe(false);

    calls.answers[0]!(true);
    await expect(done).rejects.toBe(error);
  });

  it('leaves no listener on the signal', async () => {
    const { signal } = new AbortController();
    const add = vi.spyOn(signal, 'addEventListener');
    const remove = vi.spyOn(signal, 'removeEventListener');
    await runPaced(numbers(100), async () => true, { signal });

    expect(remove).toHaveBeenCalledTimes(add.mock.calls.length);
    expect(add.mock.calls.length).toBe(1);
  });
});
