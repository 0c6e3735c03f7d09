import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { Queue } from '../../../lib/inbox/keyed-task-queue.js';

it('Queue does not slow down with its length', () => {
  const queue = new Queue<number>();
  for (let n = 0; n < 300_000; n++) queue.push(n);
  const values: unknown[] = [];
  while (queue.length > 0) values.push(queue.shift());

  expect(values).toEqual([...Array(300_000).keys()]);
});

it('Queue behaves like an array', () => {
  const step = fc.option(fc.nat(), { nil: 'shift' as const });
  fc.assert(
    fc.property(fc.array(step, { size: 'max', maxLength: 500 }), steps => {
      const [queue, array] = [new Queue<number>(), [] as number[]];
      for (const step of steps) {
        const isPushed = step !== 'shift';
        const shifted = isPushed ? queue.push(step) : queue.shift();

        expect(shifted).toBe(isPushed ? void array.push(step) : array.shift());
        expect(queue.length).toBe(array.length);
        expect(queue.peek()).toBe(array[0]);
      }
    }),
  );
});
