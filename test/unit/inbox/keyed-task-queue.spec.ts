import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyedTaskQueue } from '../../../lib/inbox/keyed-task-queue.js';

interface Task {
  readonly key: string | undefined;
  readonly run: () => Promise<void>;
}

const queueOf = (concurrency: number) =>
  new KeyedTaskQueue<Task>(concurrency, ({ run }) => run());

async function turn(): Promise<void> {
  await new Promise(setImmediate);
}

/** An open queue, with tasks that end when the test says so. */
function start(concurrency = 10) {
  const queue = queueOf(concurrency);
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
      await turn();
      await turn();
    },
  };
}

describe('tasks of one key', () => {
  it('run one after another, in their order', async () => {
    const { started, add, end } = start();
    add('abc', 'key');

    await turn();
    expect(started).toEqual(['a']);
    await end('a');
    expect(started).toEqual(['a', 'b']);
    await end('b');
    expect(started).toEqual(['a', 'b', 'c']);
  });

  it('run one after another though the key is empty', async () => {
    const { started, add } = start();
    add('ab', '');

    await turn();
    expect(started).toEqual(['a']);
  });

  it('hold back neither other keys nor tasks without one', async () => {
    const { started, add } = start();
    add('ab', 'key');
    add('c', 'other');
    add('de');

    await turn();
    expect(started).toEqual(['a', 'c', 'd', 'e']);
  });

  it('take no place while they wait', async () => {
    const { queue, started, add } = start(2);
    add('abc', 'key');
    add('d', 'other');

    await turn();
    expect(started).toEqual(['a', 'd']);
    expect(queue.running).toBe(2);
  });

  it('run before tasks that were added later', async () => {
    const { started, add, end } = start(2);
    add('ab', 'key');
    add('cd', 'other');
    add('e');

    await turn();
    await end('a');
    expect(started).toEqual(['a', 'c', 'b']);
    await end('c');
    expect(started).toEqual(['a', 'c', 'b', 'd']);
  });

  it('run again when none was there for a while', async () => {
    const { started, add, end } = start();
    add('a', 'key');
    await turn();
    await end('a');
    add('b', 'key');

    await turn();
    expect(started).toEqual(['a', 'b']);
  });
});

describe('the queue', () => {
  it('starts tasks in the next turn of the event loop', async () => {
    const { started, add } = start();
    add('a');
    await Promise.resolve();
    expect(started).toEqual([]);

    await turn();
    expect(started).toEqual(['a']);
  });

  it('starts tasks at once where it is told to', async () => {
    const { queue, started, add, end } = start(2);
    add('abc');
    queue.startNow();
    expect(started).toEqual(['a', 'b']);

    await end('a');
    expect(started).toEqual(['a', 'b', 'c']);
  });

  it('starts nothing before it is open', async () => {
    const queue = queueOf(10);
    let runs = 0;
    queue.add({ key: undefined, run: async () => void runs++ });
    queue.startNow();
    await turn();
    expect(runs).toBe(0);

    queue.open();
    await turn();
    expect(runs).toBe(1);
  });

  it('starts nothing more when it is closed, and keeps what waits', async () => {
    const { queue, started, add, end } = start(1);
    add('ab', 'key');
    add('c');
    await turn();

    queue.close();
    await end('a');
    add('d');
    queue.startNow();
    await turn();
    expect(started).toEqual(['a']);
    expect(queue.running).toBe(0);

    queue.open();
    queue.close();
    await turn();
    expect(started).toEqual(['a']);

    queue.open();
    for (const name of 'bcd') {
      await turn();
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
    ['end in the next turn', 200, turn],
  ])(
    'lets the event loop turn while many tasks %s',
    async (_how, count, run) => {
      const queue = queueOf(4);
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

  it('takes a key with as many tasks as an inbox holds', async () => {
    const queue = queueOf(32);
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

interface Added {
  readonly key: string | undefined;
  /** Turns of the event loop that it takes; 0 for a task that ends at once. */
  readonly turns: number;
  /** What happens before it is added. */
  readonly before: 'nothing' | 'turn' | 'close' | 'open' | 'startNow';
  /** True for a task that is added by another that runs. */
  readonly isNested: boolean;
}

it('keeps the order of each key and the concurrency, and starves no task', async () => {
  const added: fc.Arbitrary<Added> = fc.record({
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
        const queue = queueOf(concurrency);
        queue.open();
        const order = new Map<string | undefined, number[]>();
        const started: number[] = [];
        const running: Added[] = [];
        const nested = all.filter(({ isNested }) => isNested);
        const violations: string[] = [];
        let mostRunning = 0;
        let ended = 0;
        const add = (task: Added) => {
          const number = all.indexOf(task);
          order.set(task.key, [...(order.get(task.key) ?? []), number]);
          queue.add({ key: task.key, run: () => run(task, number) });
        };
        const run = async (task: Added, number: number) => {
          const isOfKey = ({ key }: Added) =>
            key !== undefined && key === task.key;
          if (running.some(isOfKey)) violations.push(`two of ${task.key}`);
          started.push(number);
          running.push(task);
          mostRunning = Math.max(mostRunning, running.length, queue.running);
          const next = nested.shift();
          if (next) add(next);
          for (let n = 0; n < task.turns; n++) await turn();
          running.splice(running.indexOf(task), 1);
          ended++;
        };

        for (const task of all.filter(({ isNested }) => !isNested)) {
          if (task.before === 'turn') await turn();
          else if (task.before !== 'nothing') queue[task.before]();
          add(task);
        }
        queue.open();
        for (const task of nested.splice(0)) add(task);
        for (let n = 0; n < 400 && ended < all.length; n++) await turn();
        await turn();

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
