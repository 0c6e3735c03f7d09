import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyedTaskQueue } from '../../../lib/inbox/keyed-task-queue.js';

interface Task {
  readonly key: string | undefined;
  readonly run: () => Promise<void>;
}

const createQueue = (concurrency: number) =>
  new KeyedTaskQueue<Task>(concurrency, ({ run }) => run());

async function nextTurn(): Promise<void> {
  await new Promise(setImmediate);
}

/** Opens a queue whose tasks the test ends. */
function startQueue(concurrency = 10) {
  const queue = createQueue(concurrency);
  queue.open();
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    queue,
    started,
    add(names: string, key?: string): void {
      for (const name of names) {
        const run = async () => {
          started.push(name);
          await new Promise<void>(resolve => ends.set(name, resolve));
        };
        queue.add({ key, run });
      }
    },
    async end(name: string): Promise<void> {
      ends.get(name)!();
      await nextTurn();
      await nextTurn();
    },
  };
}

describe('KeyedTaskQueue with tasks of one key', () => {
  it('runs them one after another in order', async () => {
    const { started, add, end } = startQueue();
    add('abc', 'key');

    await nextTurn();
    expect(started).toEqual(['a']);
    await end('a');
    expect(started).toEqual(['a', 'b']);
    await end('b');
    expect(started).toEqual(['a', 'b', 'c']);
  });

  it('runs them one after another when the key is empty', async () => {
    const { started, add } = startQueue();
    add('ab', '');

    await nextTurn();
    expect(started).toEqual(['a']);
  });

  it('does not block other keys or tasks without a key', async () => {
    const { started, add } = startQueue();
    add('ab', 'key');
    add('c', 'other');
    add('de');

    await nextTurn();
    expect(started).toEqual(['a', 'c', 'd', 'e']);
  });

  it('does not count waiting tasks as running', async () => {
    const { queue, started, add } = startQueue(2);
    add('abc', 'key');
    add('d', 'other');

    await nextTurn();
    expect(started).toEqual(['a', 'd']);
    expect(queue.running).toBe(2);
  });

  it('runs them before tasks that were added later', async () => {
    const { started, add, end } = startQueue(2);
    add('ab', 'key');
    add('cd', 'other');
    add('e');

    await nextTurn();
    await end('a');
    expect(started).toEqual(['a', 'c', 'b']);
    await end('c');
    expect(started).toEqual(['a', 'c', 'b', 'd']);
  });

  it('runs a task for a key that was idle', async () => {
    const { started, add, end } = startQueue();
    add('a', 'key');
    await nextTurn();
    await end('a');
    add('b', 'key');

    await nextTurn();
    expect(started).toEqual(['a', 'b']);
  });
});

describe('KeyedTaskQueue', () => {
  it('starts tasks in the next turn of the event loop', async () => {
    const { started, add } = startQueue();
    add('a');
    await Promise.resolve();
    expect(started).toEqual([]);

    await nextTurn();
    expect(started).toEqual(['a']);
  });

  it('starts tasks at once with startNow()', async () => {
    const { queue, started, add, end } = startQueue(2);
    add('abc');
    queue.startNow();
    expect(started).toEqual(['a', 'b']);

    await end('a');
    expect(started).toEqual(['a', 'b', 'c']);
  });

  it('starts no task before open()', async () => {
    const queue = createQueue(10);
    let runs = 0;
    queue.add({ key: undefined, run: async () => void runs++ });
    queue.startNow();
    await nextTurn();
    expect(runs).toBe(0);

    queue.open();
    await nextTurn();
    expect(runs).toBe(1);
  });

  it('starts no task after close() and keeps waiting tasks', async () => {
    const { queue, started, add, end } = startQueue(1);
    add('ab', 'key');
    add('c');
    await nextTurn();

    queue.close();
    await end('a');
    add('d');
    queue.startNow();
    await nextTurn();
    expect(started).toEqual(['a']);
    expect(queue.running).toBe(0);

    queue.open();
    queue.close();
    await nextTurn();
    expect(started).toEqual(['a']);

    queue.open();
    for (const name of 'bcd') {
      await nextTurn();
      await end(name);
    }
    expect(started.toSorted()).toEqual(['a', 'b', 'c', 'd']);
  });

  it.each([
    ['end at once', 50_000, async () => {}],
    [
      'keep the event loop for long',
      20,
      async () => {
        const ends = performance.now() + 2;
        while (performance.now() < ends);
      },
    ],
    ['end in the next turn', 200, nextTurn],
  ])(
    'yields to the event loop while many tasks %s',
    async (_how, count, run) => {
      const queue = createQueue(4);
      queue.open();
      let left = count;
      let turns = 0;
      const all = new Promise<void>(resolve => {
        for (let n = 0; n < count; n++) {
          queue.add({
            key: n % 2 === 0 ? undefined : 'key',
            run: async () => {
              await run();
              if (--left === 0) resolve();
            },
          });
        }
      });
      const countTurn = () => {
        turns++;
        if (left > 0) setImmediate(countTurn);
      };
      setImmediate(countTurn);
      await all;

      expect(turns).toBeGreaterThan(3);
    },
  );

  it('supports 100,000 tasks of one key', async () => {
    const queue = createQueue(32);
    queue.open();
    const seen: number[] = [];
    await new Promise<void>(resolve => {
      for (let n = 0; n < 100_000; n++) {
        const run = async () => {
          if (seen.push(n) === 100_000) resolve();
        };
        queue.add({ key: 'key', run });
      }
    });

    expect(seen).toEqual([...Array(100_000).keys()]);
  });
});

interface AddedTask {
  readonly key: string | undefined;
  /** Turns of the event loop that the task takes; 0 for a task that ends at once. */
  readonly turns: number;
  /** Call on the queue, or turn of the event loop, before the task is added. */
  readonly before: 'nothing' | 'turn' | 'close' | 'open' | 'startNow';
  /** True for a task that a running task adds. */
  readonly isNested: boolean;
}

it('KeyedTaskQueue keeps the order of each key, respects the concurrency and starves no task', async () => {
  const added: fc.Arbitrary<AddedTask> = fc.record({
    key: fc.constantFrom('a', 'b', 'c', undefined),
    turns: fc.nat(3),
    before: fc.constantFrom('nothing', 'turn', 'close', 'open', 'startNow'),
    isNested: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.array(added, { maxLength: 30 }),
      async (concurrency, all) => {
        const queue = createQueue(concurrency);
        queue.open();
        const order = new Map<string | undefined, number[]>();
        const started: number[] = [];
        const running: AddedTask[] = [];
        const nested = all.filter(({ isNested }) => isNested);
        const violations: string[] = [];
        let mostRunning = 0;
        let ended = 0;
        const add = (task: AddedTask) => {
          const number = all.indexOf(task);
          order.set(task.key, [...(order.get(task.key) ?? []), number]);
          queue.add({ key: task.key, run: () => run(task, number) });
        };
        const run = async (task: AddedTask, number: number) => {
          const isOfKey = ({ key }: AddedTask) =>
            key !== undefined && key === task.key;
          if (running.some(isOfKey)) violations.push(`two of ${task.key}`);
          started.push(number);
          running.push(task);
          mostRunning = Math.max(mostRunning, running.length, queue.running);
          const next = nested.shift();
          if (next) add(next);
          for (let n = 0; n < task.turns; n++) await nextTurn();
          running.splice(running.indexOf(task), 1);
          ended++;
        };

        for (const task of all.filter(({ isNested }) => !isNested)) {
          if (task.before === 'turn') await nextTurn();
          else if (task.before !== 'nothing') queue[task.before]();
          add(task);
        }
        queue.open();
        for (const task of nested.splice(0)) add(task);
        for (let n = 0; n < 400 && ended < all.length; n++) await nextTurn();
        await nextTurn();

        expect(ended).toBe(all.length);
        expect(violations).toEqual([]);
        expect(mostRunning).toBeLessThanOrEqual(concurrency);
        expect(queue.running).toBe(0);
        order.delete(undefined);
        for (const numbers of order.values()) {
          expect(started.filter(number => numbers.includes(number))).toEqual(
            numbers,
          );
        }
      },
    ),
    { numRuns: 100 },
  );
});
