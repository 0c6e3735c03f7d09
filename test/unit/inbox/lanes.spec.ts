import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Lanes } from '../../../lib/inbox/lanes.js';

/** Lets tasks begin that were put off, so that I/O could come in between. */
async function turn(): Promise<void> {
  await new Promise(setImmediate);
}

/** Tasks that end when the test says so. */
class Tasks {
  readonly begun: string[] = [];
  private readonly ends = new Map<string, () => void>();

  constructor(private readonly lanes: Lanes) {}

  add(name: string, lane?: string): void {
    this.lanes.add({
      lane,
      run: async () => {
        this.begun.push(name);
        await new Promise<void>(resolve => this.ends.set(name, resolve));
      },
    });
  }

  async end(name: string): Promise<void> {
    this.ends.get(name)!();
    await turn();
    await turn();
  }
}

function start(concurrency = 10) {
  const lanes = new Lanes(concurrency);
  lanes.open();
  return { lanes, tasks: new Tasks(lanes) };
}

describe('tasks of one lane', () => {
  it('are done one after another, in the order in which they came', async () => {
    const { tasks } = start();
    for (const name of ['a', 'b', 'c']) tasks.add(name, 'lane');

    await turn();
    expect(tasks.begun).toEqual(['a']);
    await tasks.end('a');
    expect(tasks.begun).toEqual(['a', 'b']);
    await tasks.end('b');
    expect(tasks.begun).toEqual(['a', 'b', 'c']);
  });

  it('hold back neither other lanes nor those without one', async () => {
    const { tasks } = start();
    tasks.add('a', 'lane');
    tasks.add('b', 'lane');
    tasks.add('c', 'other');
    tasks.add('d');
    tasks.add('e');
    tasks.add('f', '');

    await turn();
    expect(tasks.begun).toEqual(['a', 'c', 'd', 'e', 'f']);
  });

  it('wait for each other though its name is empty', async () => {
    const { tasks } = start();
    tasks.add('a', '');
    tasks.add('b', '');

    await turn();
    expect(tasks.begun).toEqual(['a']);
  });

  it('take no place while they wait', async () => {
    const { tasks } = start(2);
    for (const name of ['a', 'b', 'c']) tasks.add(name, 'lane');
    tasks.add('d', 'other');

    await turn();
    expect(tasks.begun).toEqual(['a', 'd']);
  });

  it('begin anew when the lane was empty for a while', async () => {
    const { tasks } = start();
    tasks.add('a', 'lane');
    await turn();
    await tasks.end('a');
    tasks.add('b', 'lane');

    await turn();
    expect(tasks.begun).toEqual(['a', 'b']);
  });

  it('have their turn when their lane is free, before what came later', async () => {
    const { tasks } = start(2);
    for (const name of ['a', 'b']) tasks.add(name, 'lane');
    for (const name of ['c', 'd']) tasks.add(name, 'other');
    tasks.add('e');

    await turn();
    expect(tasks.begun).toEqual(['a', 'c']);
    await tasks.end('a');
    expect(tasks.begun).toEqual(['a', 'c', 'b']);
    await tasks.end('c');
    expect(tasks.begun).toEqual(['a', 'c', 'b', 'd']);
  });

  it('that end at once are done in their order too, behind one that does not', async () => {
    const { lanes, tasks } = start();
    const atOnce = (name: string) =>
      lanes.add({
        lane: 'lane',
        run() {
          tasks.begun.push(name);
          return undefined;
        },
      });
    atOnce('a');
    atOnce('b');
    tasks.add('c', 'lane');
    for (const name of ['d', 'e', 'f']) atOnce(name);

    await turn();
    expect(tasks.begun).toEqual(['a', 'b', 'c']);
    await tasks.end('c');
    await turn();
    await turn();
    expect(tasks.begun).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });
});

describe('tasks', () => {
  it('begin later, so that I/O comes in between', async () => {
    const { tasks } = start();
    tasks.add('a');
    await Promise.resolve();
    expect(tasks.begun).toEqual([]);

    await turn();
    expect(tasks.begun).toEqual(['a']);
  });

  it('wait until the lanes are open', async () => {
    const lanes = new Lanes(10);
    const tasks = new Tasks(lanes);
    tasks.add('a');
    tasks.add('b', 'lane');
    await turn();
    expect(tasks.begun).toEqual([]);

    lanes.open();
    await turn();
    expect(tasks.begun).toEqual(['a', 'b']);
  });

  it('begin no more when the lanes are closed, and go on that run', async () => {
    const { lanes, tasks } = start(1);
    tasks.add('a', 'lane');
    tasks.add('b', 'lane');
    tasks.add('c');
    await turn();

    lanes.close();
    await tasks.end('a');
    tasks.add('d');
    await turn();
    expect(tasks.begun).toEqual(['a']);

    lanes.open();
    lanes.close();
    await turn();
    expect(tasks.begun).toEqual(['a']);

    lanes.open();
    await turn();
    expect(tasks.begun).toEqual(['a', 'b']);
  });

  it('let the event loop turn, however long each keeps it', async () => {
    const { lanes } = start();
    let turns = 0;
    let isDone = false;
    const count = () => {
      turns++;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    await new Promise<void>(resolve => {
      for (let n = 0; n < 20; n++) {
        lanes.add({ lane: undefined, run: () => burn(2) });
      }
      lanes.add({
        lane: undefined,
        run() {
          resolve();
          return undefined;
        },
      });
    });
    isDone = true;

    expect(turns).toBeGreaterThan(5);
  });
});

/** Keeps the event loop busy for so long. */
function burn(ms: number): undefined {
  const ends = performance.now() + ms;
  while (performance.now() < ends);
}

interface Added {
  readonly lane: string | undefined;
  /** How many turns of the event loop it takes; without one, it ends at once. */
  readonly turns: number;
  /** How many turns pass before it is added. */
  readonly pause: number;
  /** Whether it is added by a task that runs. */
  readonly isNested: boolean;
}

it('keep order and number, and lose nothing, whatever comes when', async () => {
  const added: fc.Arbitrary<Added> = fc.record({
    lane: fc.constantFrom('a', 'b', 'c', undefined),
    turns: fc.nat(3),
    pause: fc.nat(1),
    isNested: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.array(added, { maxLength: 30 }),
      async (concurrency, all) => {
        const lanes = new Lanes(concurrency);
        lanes.open();
        const order = new Map<string | undefined, number[]>();
        const begun: number[] = [];
        const running: Added[] = [];
        const nested = all.filter(({ isNested }) => isNested);
        let ended = 0;
        const add = (task: Added) => {
          const number = all.indexOf(task);
          order.set(task.lane, [...(order.get(task.lane) ?? []), number]);
          lanes.add({ lane: task.lane, run: () => run(task, number) });
        };
        const run = (task: Added, number: number) => {
          const { lane } = task;
          const others = running.filter(other => other.lane === lane);
          expect(lane === undefined || others.length === 0).toBe(true);
          begun.push(number);
          running.push(task);
          expect(running.length).toBeLessThanOrEqual(concurrency);
          const next = nested.shift();
          if (next) add(next);
          const end = () => {
            running.splice(running.indexOf(task), 1);
            ended++;
          };
          if (task.turns > 0) return turnsOf(task).then(end);
          end();
          return undefined;
        };

        for (const task of all.filter(({ isNested }) => !isNested)) {
          for (let n = 0; n < task.pause; n++) await turn();
          add(task);
        }
        while (nested.length > 0) {
          const next = nested.shift()!;
          add(next);
        }
        for (let n = 0; n < 400 && ended < all.length; n++) await turn();

        expect(ended).toBe(all.length);
        expect(new Set(begun).size).toBe(all.length);
        for (const [lane, numbers] of order) {
          if (lane === undefined) continue;
          expect(begun.filter(number => numbers.includes(number))).toEqual(
            numbers,
          );
        }
      },
    ),
    { numRuns: 100 },
  );
});

async function turnsOf({ turns }: Added): Promise<void> {
  for (let n = 0; n < turns; n++) await turn();
}

/** How long it takes to do nothing so many times. */
async function msOf(count: number, lane: string | undefined): Promise<number> {
  const { lanes } = start();
  const started = performance.now();
  await new Promise<void>(resolve => {
    let left = count;
    const run = async () => void (--left === 0 && resolve());
    for (let n = 0; n < count; n++) lanes.add({ lane, run });
  });
  return performance.now() - started;
}

it('take a lane as long as an inbox is large in their stride', async () => {
  await msOf(100_000, undefined);
  const free = await msOf(100_000, undefined);

  expect(await msOf(100_000, 'lane')).toBeLessThan(20 * free);
}, 20_000);
