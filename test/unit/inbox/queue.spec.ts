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

it('does what an array does, whatever comes and goes', () => {
  const step = fc.option(fc.nat(), { nil: 'take' as const });
  fc.assert(
    fc.property(fc.array(step), steps => {
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
