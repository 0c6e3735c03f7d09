import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { Queue } from '../../../lib/inbox/queue.js';

it('gives back what was added, in its order and once', () => {
  const queue = new Queue<string>();
  queue.add('a');
  queue.add('b');

  expect([queue.take(), queue.take(), queue.take()]).toEqual([
    'a',
    'b',
    undefined,
  ]);
});

it('does not slow down when many are in it', () => {
  const queue = new Queue<number>();
  for (let n = 0; n < 300_000; n++) queue.add(n);
  const taken: unknown[] = [];
  while (!queue.isEmpty) taken.push(queue.take());

  expect(taken).toEqual([...Array(300_000).keys()]);
});

it('does what an array does, whatever comes and goes', () => {
  const step = fc.option(fc.nat(), { nil: 'take' as const });
  fc.assert(
    fc.property(fc.array(step, { size: 'max', maxLength: 500 }), steps => {
      const [queue, array] = [new Queue<number>(), [] as number[]];
      for (const step of steps) {
        const isAdded = step !== 'take';
        const taken = isAdded ? queue.add(step) : queue.take();
        const expected = isAdded ? void array.push(step) : array.shift();

        expect(taken).toBe(expected);
        expect(queue.isEmpty).toBe(array.length === 0);
      }
    }),
  );
});
