import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Turns, type Pace } from '../../../lib/simulator/turns.js';

async function* numbers(count: number): AsyncGenerator<number, undefined> {
  for (let index = 0; index < count; index++) yield index;
}

/** A call that lasts until it is answered. */
class Calls {
  readonly begun: number[] = [];
  readonly answers: ((goesOn: boolean) => void)[] = [];
  readonly make = (call: number): Promise<boolean> => {
    this.begun.push(call);
    return new Promise(resolve => this.answers.push(resolve));
  };
}

const settled = () => new Promise(setImmediate);

function take(
  list: AsyncGenerator<number, undefined>,
  make: (call: number) => Promise<boolean>,
  pace: Partial<Pace> = {},
): Promise<void> {
  return new Turns(list, make, {
    concurrency: 1,
    intervalMs: 0,
    ...pace,
  }).take();
}

describe('calls', () => {
  it('are made in their order, no more at once than allowed', async () => {
    const calls = new Calls();
    const done = take(numbers(5), calls.make, { concurrency: 2 });
    await settled();
    expect(calls.begun).toEqual([0, 1]);

    calls.answers[1]!(true);
    await settled();
    expect(calls.begun).toEqual([0, 1, 2]);

    calls.answers[0]!(true);
    calls.answers[2]!(true);
    await settled();
    expect(calls.begun).toEqual([0, 1, 2, 3, 4]);

    calls.answers[3]!(true);
    calls.answers[4]!(true);
    await done;
  });

  it('are over when the last one is answered', async () => {
    const calls = new Calls();
    let isDone = false;
    const done = take(numbers(2), calls.make, { concurrency: 5 }).then(
      () => (isDone = true),
    );
    await settled();
    calls.answers[0]!(true);
    await settled();
    expect(isDone).toBe(false);

    calls.answers[1]!(true);
    await done;
  });

  it('are none of a list that is empty', async () => {
    const make = vi.fn<() => Promise<boolean>>();
    await take(numbers(0), make, { intervalMs: 60_000 });

    expect(make).not.toHaveBeenCalled();
  });

  it('end after the last one, with no interval after it', async () => {
    const calls = new Calls();
    const done = take(numbers(1), calls.make, {
      intervalMs: 60_000,
      concurrency: 32,
    });
    await settled();
    calls.answers[0]!(true);

    await done;
    expect(calls.begun).toEqual([0]);
  });
});

describe('an interval', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Lets time pass, and what waits for it begin. */
  const pass = async (ms: number) => {
    vi.advanceTimersByTime(ms);
    await settled();
  };

  it('lies between the begin of a call and that of the next one, however many there may be at once', async () => {
    const calls = new Calls();
    const done = take(numbers(3), calls.make, {
      intervalMs: 20,
      concurrency: 100,
    });
    await pass(0);
    expect(calls.begun).toEqual([0]);
    await pass(18);
    expect(calls.begun).toEqual([0]);
    await pass(2);
    expect(calls.begun).toEqual([0, 1]);
    await pass(18);
    expect(calls.begun).toEqual([0, 1]);
    await pass(2);
    expect(calls.begun).toEqual([0, 1, 2]);

    for (const answer of calls.answers) answer(true);
    await done;
  });

  it('goes on while calls are answered', async () => {
    const calls = new Calls();
    const done = take(numbers(2), calls.make, { intervalMs: 20 });
    await pass(10);
    calls.answers[0]!(true);
    await pass(8);
    expect(calls.begun).toEqual([0]);
    await pass(2);
    expect(calls.begun).toEqual([0, 1]);

    calls.answers[1]!(true);
    await done;
  });

  it('is made up for where answers took longer', async () => {
    const calls = new Calls();
    const done = take(numbers(4), calls.make, { intervalMs: 20 });
    await pass(100);
    expect(calls.begun).toEqual([0]);
    for (let call = 0; call < 4; call++) {
      calls.answers[call]!(true);
      await pass(0);
    }

    await done;
    expect(calls.begun).toEqual([0, 1, 2, 3]);
  });
});

describe('the end', () => {
  /** A list that says when it is closed, and one that never answers. */
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

  it('comes when a call says that none is to follow', async () => {
    const { list, closed } = endless();
    const begun: number[] = [];
    await take(list, async call => begun.push(call) < 3);

    expect(begun).toEqual([0, 1, 2]);
    expect(closed).toHaveBeenCalledOnce();
  });

  it('comes at once while the next one waits for its turn', async () => {
    const calls = new Calls();
    const done = take(numbers(5), calls.make, {
      intervalMs: 60_000,
      concurrency: 2,
    });
    await settled();
    calls.answers[0]!(false);

    await done;
    expect(calls.begun).toEqual([0]);
  });

  it('comes at once while a list does not tell the next one', async () => {
    const calls = new Calls();
    const done = take(silent(1), calls.make, { concurrency: 2 });
    await settled();
    calls.answers[0]!(false);

    await done;
    expect(calls.begun).toEqual([0]);
  });

  it.each([
    ['before', () => AbortSignal.abort(), []],
    ['while a list is silent', () => AbortSignal.timeout(30), [0]],
  ])('comes with the signal: %s', async (_when, makeSignal, expected) => {
    const begun: number[] = [];
    const signal = makeSignal();
    await take(silent(1), async call => begun.push(call) > 0, { signal });

    expect(begun).toEqual(expected);
  });

  it('comes with the signal, when the calls under way are answered', async () => {
    const { list, closed } = endless();
    const controller = new AbortController();
    const calls = new Calls();
    let isDone = false;
    const done = take(list, calls.make, {
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
    expect(calls.begun).toEqual([0, 1]);
  });

  it('comes with an error of a call, when the others are answered', async () => {
    const { list, closed } = endless();
    const calls = new Calls();
    const error = new Error('callback broke');
    const done = take(
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
    expect(calls.begun.length).toBeLessThan(3);
    expect(closed).toHaveBeenCalledOnce();
  });

  it('comes with an error of the list, when the calls under way are answered', async () => {
    const error = new Error('file is gone');
    async function* broken(): AsyncGenerator<number, undefined> {
      yield 0;
      throw error;
    }
    const calls = new Calls();
    const done = take(broken(), calls.make, { concurrency: 3 });
    let isDone = false;
    done.catch(() => (isDone = true));
    await settled();
    expect(isDone).toBe(false);

    calls.answers[0]!(true);
    await expect(done).rejects.toBe(error);
  });

  it('leaves nothing on a signal that lives longer', async () => {
    const { signal } = new AbortController();
    const add = vi.spyOn(signal, 'addEventListener');
    const remove = vi.spyOn(signal, 'removeEventListener');
    await take(numbers(100), async () => true, { signal });

    expect(remove).toHaveBeenCalledTimes(add.mock.calls.length);
    expect(add.mock.calls.length).toBe(1);
  });
});
