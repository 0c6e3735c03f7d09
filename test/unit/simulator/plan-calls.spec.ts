import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../lib/simulator/seeded-random.js';
import {
  planCalls,
  type CallPlan,
  type PlannedCall,
} from '../../../lib/simulator/plan-calls.js';

async function collectCalls(
  entries: unknown,
  plan: CallPlan = {},
  seed = 1,
): Promise<PlannedCall[]> {
  const calls: PlannedCall[] = [];
  for await (const call of planCalls(entries, plan, new SeededRandom(seed))) {
    calls.push(call);
  }
  return calls;
}

const collectBodies = async (
  entries: unknown,
  plan?: CallPlan,
  seed?: number,
) => (await collectCalls(entries, plan, seed)).map(({ body }) => body);

const numbers = (count: number) =>
  Array.from({ length: count }, (_, index) => index);

const byNumber = (a: unknown, b: unknown) => Number(a) - Number(b);

describe('planCalls()', () => {
  const entry = { Type: 1 };

  it.each([
    ['an entry', entry, [entry]],
    ['a text', '[{}]', ['[{}]']],
    ['bytes', Buffer.from('x'), [Buffer.from('x')]],
    ['null', null, [null]],
    ['nothing', undefined, [undefined]],
    ['a list', [entry, entry], [entry, entry]],
    ['an empty list', [], []],
    ['a set', new Set([1, 2]), [1, 2]],
    ['a generator', numbers(3).values(), [0, 1, 2]],
    ['lists in a list', [[entry], []], [[entry], []]],
  ])('accepts %s', async (_name, entries, expected) => {
    expect(await collectBodies(entries)).toEqual(expected);
  });

  it('accepts a stream', async () => {
    async function* stream() {
      yield 1;
      yield 2;
    }
    expect(await collectBodies(stream())).toEqual([1, 2]);
    expect(await collectBodies(ReadableStream.from([1, 2]))).toEqual([1, 2]);
  });

  it('counts the entries of a call', async () => {
    const events = async (entries: unknown, plan?: CallPlan) =>
      (await collectCalls(entries, plan)).map(call => call.events);

    expect(await events([entry, 'text', [entry, entry], []])).toEqual([
      1, 1, 2, 0,
    ]);
    expect(await events(numbers(5), { grouped: 3 })).toEqual([3, 2]);
  });
});

describe('planCalls() with `grouped`', () => {
  it.each([
    [0, 3, []],
    [2, 3, [2]],
    [3, 3, [3]],
    [7, 3, [3, 3, 1]],
    [3, 1, [1, 1, 1]],
    [3, 10_000_000, [3]],
  ])('groups %d entries by %d into %o', async (count, grouped, sizes) => {
    const groups = (await collectBodies(numbers(count), {
      grouped,
    })) as number[][];

    expect(groups.map(group => group.length)).toEqual(sizes);
    expect(groups.flat()).toEqual(numbers(count));
  });

  it('plans a separate call for each text and each Buffer', async () => {
    const bytes = Buffer.from('{');
    const calls = await collectBodies([1, '{', 2, bytes, 3], { grouped: 2 });

    expect(calls).toHaveLength(4);
    expect(calls).toEqual(expect.arrayContaining(['{', bytes, [1, 2], [3]]));
  });
});

describe('planCalls() with `shuffled`', () => {
  it('sends each entry once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(300), async (seed, count) => {
        const sent = await collectBodies(
          numbers(count),
          { shuffled: true },
          seed,
        );
        expect(sent.toSorted(byNumber)).toEqual(numbers(count));
      }),
    );
  });

  it('returns the same random order for the same seed', async () => {
    const sent = (seed: number) =>
      collectBodies(numbers(200), { shuffled: true }, seed);

    expect(await sent(1)).not.toEqual(numbers(200));
    expect(await sent(1)).toEqual(await sent(1));
    expect(await sent(1)).not.toEqual(await sent(2));
  });

  it('shuffles before grouping', async () => {
    const groups = await collectBodies(numbers(100), {
      shuffled: true,
      grouped: 30,
    });

    expect(groups.map(group => (group as []).length)).toEqual([30, 30, 30, 10]);
    expect(groups.flat()).not.toEqual(numbers(100));
    expect(groups.flat().toSorted(byNumber)).toEqual(numbers(100));
  });

  it('shuffles an endless stream', async () => {
    function* forever() {
      for (let index = 0; ; index++) yield index;
    }
    const calls = planCalls(forever(), { shuffled: true }, new SeededRandom(1));

    expect((await calls.next()).value).toMatchObject({ events: 1 });
    await calls.return(undefined);
  });
});

describe('planCalls() with `repeated`', () => {
  const anyPlan = fc.record({
    count: fc.nat(200),
    repeated: fc.constantFrom(0, 0.02, 0.5, 1),
    shuffled: fc.boolean(),
    seed: fc.nat(),
  });

  it('repeats a call at most once and after its first time', async () => {
    await fc.assert(
      fc.asyncProperty(anyPlan, async ({ count, seed, ...plan }) => {
        const seen = new Set<unknown>();
        const again = new Set<unknown>();
        for (const call of await collectCalls(numbers(count), plan, seed)) {
          expect(seen.has(call.body)).toBe(call.isRepeated);
          expect(again.has(call.body)).toBe(false);
          (call.isRepeated ? again : seen).add(call.body);
        }
        expect(seen.size).toBe(count);
      }),
    );
  });

  it.each([0, 1])('repeats exactly the share %d', async share => {
    await fc.assert(
      fc.asyncProperty(fc.nat(200), fc.nat(), async (count, seed) => {
        const calls = await collectCalls(
          numbers(count),
          { repeated: share },
          seed,
        );
        expect(calls).toHaveLength(count * (1 + share));
      }),
    );
  });

  it('repeats approximately the given share', async () => {
    const calls = await collectCalls(numbers(2_000), { repeated: 0.5 });

    const again = calls.filter(call => call.isRepeated).length;
    expect(again).toBeGreaterThan(900);
    expect(again).toBeLessThan(1_100);
  });

  it('repeats a call soon after its first time', async () => {
    const calls = await collectCalls(numbers(1_000), { repeated: 1 });

    const distances = calls.flatMap(({ body, isRepeated }, index) =>
      isRepeated ? [index - calls.findIndex(call => call.body === body)] : [],
    );
    expect(Math.max(...distances)).toBeLessThan(100);
    expect(new Set(distances).size).toBeGreaterThan(5);
  });

  it('repeats whole groups', async () => {
    const calls = await collectCalls(numbers(10), { grouped: 4, repeated: 1 });

    expect(calls.filter(call => call.isRepeated)).toHaveLength(3);
    expect(calls.map(call => call.events).toSorted(byNumber)).toEqual([
      2, 2, 4, 4, 4, 4,
    ]);
  });

  it('repeats the same calls with the same seed', async () => {
    const plan = { repeated: 0.3, shuffled: true };

    expect(await collectCalls(numbers(200), plan, 7)).toEqual(
      await collectCalls(numbers(200), plan, 7),
    );
  });
});

describe('planCalls() when its consumer stops early', () => {
  it.each<CallPlan>([
    {},
    { grouped: 2 },
    { shuffled: true },
    { shuffled: true, grouped: 2, repeated: 1 },
  ])('closes the list (%o)', async plan => {
    let isClosed = false;
    function* list() {
      try {
        for (let index = 0; ; index++) yield index;
      } finally {
        isClosed = true;
      }
    }
    const calls = planCalls(list(), plan, new SeededRandom(1));
    await calls.next();
    expect(isClosed).toBe(false);

    await calls.return(undefined);
    expect(isClosed).toBe(true);
  });
});
