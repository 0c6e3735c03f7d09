import * as fc from 'fast-check';
import { expect, it, onTestFinished, vi } from 'vitest';
import { CapacityLimiter } from '../../../lib/inbox/capacity-limiter.js';
import { isSettled } from '../../support/is-settled.js';

const LONG_MS = 60_000;

it('CapacityLimiter admits a group of any size while less than the limit is held', async () => {
  const capacity = new CapacityLimiter(2);

  expect(await capacity.admit(1, 0)).toBe(true);
  expect(await capacity.admit(100, 0)).toBe(true);
  expect(await capacity.admit(1, 0)).toBe(false);
  expect(capacity.held).toBe(101);
});

it('CapacityLimiter admits an empty group when the limit is reached', async () => {
  const capacity = new CapacityLimiter(1);
  await capacity.admit(1, 0);

  expect(await capacity.admit(0, 0)).toBe(true);
  expect(capacity.held).toBe(1);
});

it('CapacityLimiter queues groups and admits them in order', async () => {
  const capacity = new CapacityLimiter(2);
  const admitted: string[] = [];
  await capacity.admit(2, 0);
  const waiting = ['first', 'second', 'third'].map(name =>
    capacity.admit(1, LONG_MS).then(() => admitted.push(name)),
  );

  capacity.release(1);
  await waiting[0];
  expect(admitted).toEqual(['first']);
  capacity.release(2);
  await Promise.all(waiting);

  expect(admitted).toEqual(['first', 'second', 'third']);
  expect(capacity.held).toBe(2);
});

it('CapacityLimiter rejects a group that has waited too long and holds nothing for it', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const capacity = new CapacityLimiter(1);
  await capacity.admit(1, 0);
  let isAdmitted: boolean | undefined;
  void capacity.admit(5, 100).then(answer => (isAdmitted = answer));

  await vi.advanceTimersByTimeAsync(99);
  expect(isAdmitted).toBeUndefined();
  await vi.advanceTimersByTimeAsync(1);
  expect(isAdmitted).toBe(false);

  capacity.release(1);
  expect(capacity.held).toBe(0);
});

it('CapacityLimiter.close() rejects all groups, including those that wait', async () => {
  const capacity = new CapacityLimiter(1);
  await capacity.admit(1, 0);
  const waiting = capacity.admit(1, LONG_MS);
  expect(capacity.isClosed).toBe(false);

  capacity.close();

  expect(await waiting).toBe(false);
  expect(await capacity.admit(1, LONG_MS)).toBe(false);
  expect(capacity.isClosed).toBe(true);
  expect(capacity.held).toBe(1);
});

it('CapacityLimiter.add() ignores the limit', async () => {
  const capacity = new CapacityLimiter(1);
  await capacity.admit(1, 0);

  capacity.add(3);

  expect(capacity.held).toBe(4);
  capacity.release(3);
  expect(await capacity.admit(1, 0)).toBe(false);
});

it('CapacityLimiter.whenEmpty() resolves when nothing is held', async () => {
  const capacity = new CapacityLimiter(5);
  expect(await isSettled(capacity.whenEmpty())).toBe(true);
  await capacity.admit(2, 0);
  const empty = [capacity.whenEmpty(), capacity.whenEmpty()];

  capacity.release(1);
  expect(await isSettled(Promise.race(empty))).toBe(false);
  capacity.release(1);
  await Promise.all(empty);
});

it('CapacityLimiter admits each group once and in order in any sequence of calls', async () => {
  const step = fc.oneof(
    fc.integer({ min: 1, max: 5 }),
    fc.constant('release' as const),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(step, { maxLength: 50 }),
      async (limit, steps) => {
        const capacity = new CapacityLimiter(limit);
        const groups = steps.filter(step => step !== 'release');
        const admitted: number[] = [];
        let held = 0;
        const release = async () => {
          if (held > 0) {
            held--;
            capacity.release(1);
          }
          await new Promise(setImmediate);
        };
        for (const step of steps) {
          if (step === 'release') {
            await release();
            continue;
          }
          void capacity.admit(step, LONG_MS).then(() => {
            admitted.push(step);
            held += step;
          });
        }
        await new Promise(setImmediate);
        while (capacity.held > 0) await release();

        expect(admitted).toEqual(groups);
        expect(capacity.held).toBe(0);
      },
    ),
    { numRuns: 100 },
  );
});
