import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  FailureCount,
  type XeniooFailureReading,
} from '../../../lib/simulator/failure-count.js';

const FAILED = { failure: 'was answered 500' };
const DONE = {};

function counted(
  reading: XeniooFailureReading,
  calls: readonly { failure?: string }[],
): FailureCount {
  const count = new FailureCount(reading);
  for (const call of calls) count.add(call);
  return count;
}

const failed = (times: number) => Array.from({ length: times }, () => FAILED);

describe.each(['total', 'consecutive'] as const)(
  'FailureCount of `%s`',
  reading => {
    it('tolerates ten failed calls, and stops at the eleventh', () => {
      expect(counted(reading, failed(10))).toMatchObject({
        failures: 10,
        left: 0,
        stopped: undefined,
      });
      expect(counted(reading, failed(11)).stopped).toMatch(
        /^11 calls failed in (total|a row), the last one was answered 500; after more than 10 Xenioo stops calling until the bot is saved and published again$/,
      );
    });

    it('stays stopped after a success', () => {
      const count = counted(reading, failed(11));
      const { stopped } = count;
      count.add(DONE);
      count.add(FAILED);

      expect(count.stopped).toBe(stopped);
      expect(count.left).toBe(0);
      expect(count.failures).toBe(12);
    });

    it('starts again after reset()', () => {
      const count = counted(reading, failed(11));
      count.reset();

      expect(count).toMatchObject({
        failures: 0,
        left: 10,
        stopped: undefined,
      });
    });
  },
);

it('counts failures in total across successes', () => {
  const calls = failed(11).flatMap(call => [DONE, call, DONE]);

  expect(counted('total', calls).stopped).toContain('11 calls failed in total');
});

it('counts from zero after a success with `consecutive`', () => {
  const count = counted('consecutive', [...failed(10), DONE]);
  expect(count).toMatchObject({ failures: 0, left: 10, stopped: undefined });

  for (const call of failed(10)) count.add(call);
  expect(count.stopped).toBe(undefined);
  count.add(FAILED);
  expect(count.stopped).toContain('11 calls failed in a row');
});

it('never stops with `ignore`, but counts failures', () => {
  expect(counted('ignore', failed(1_000))).toMatchObject({
    failures: 1_000,
    stopped: undefined,
  });
});

it('stops after more than ten failures, and never before', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 60 }), outcomes => {
      const calls = outcomes.map(isDone => (isDone ? DONE : FAILED));
      const total = outcomes.filter(isDone => !isDone).length;
      const rows = outcomes
        .map(isDone => (isDone ? ' ' : 'x'))
        .join('')
        .split(/ +/);
      const longest = Math.max(...rows.map(row => row.length));

      expect(counted('total', calls).stopped !== undefined).toBe(total > 10);
      expect(counted('consecutive', calls).stopped !== undefined).toBe(
        longest > 10,
      );
      expect(counted('ignore', calls).stopped).toBe(undefined);
    }),
  );
});
