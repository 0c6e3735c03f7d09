import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  FailureCount,
  type XeniooFailureCounting,
} from '../../../lib/simulator/failure-count.js';

const FAILED = { failure: 'was answered 500' };
const DONE = {};

function countCalls(
  counting: XeniooFailureCounting,
  calls: readonly { failure?: string }[],
): FailureCount {
  const count = new FailureCount(counting);
  for (const call of calls) count.add(call);
  return count;
}

const failedCalls = (times: number) =>
  Array.from({ length: times }, () => FAILED);

describe.each(['total', 'consecutive'] as const)(
  'FailureCount of `%s`',
  counting => {
    it('tolerates ten failed calls and stops at the eleventh', () => {
      expect(countCalls(counting, failedCalls(10))).toMatchObject({
        failures: 10,
        left: 0,
        stopped: undefined,
      });
      expect(countCalls(counting, failedCalls(11)).stopped).toMatch(
        /^11 calls failed in (total|a row), the last one was answered 500; after more than 10 Xenioo stops calling until the bot is saved and published again$/,
      );
    });

    it('stays stopped after a success', () => {
      const count = countCalls(counting, failedCalls(11));
      const { stopped } = count;
      count.add(DONE);
      count.add(FAILED);

      expect(count.stopped).toBe(stopped);
      expect(count.left).toBe(0);
      expect(count.failures).toBe(12);
    });

    it('starts again after reset()', () => {
      const count = countCalls(counting, failedCalls(11));
      count.reset();

      expect(count).toMatchObject({
        failures: 0,
        left: 10,
        stopped: undefined,
      });
    });
  },
);

it('FailureCount of `total` does not reset after a success', () => {
  const calls = failedCalls(11).flatMap(call => [DONE, call, DONE]);

  expect(countCalls('total', calls).stopped).toContain(
    '11 calls failed in total',
  );
});

it('FailureCount of `consecutive` resets after a success', () => {
  const count = countCalls('consecutive', [...failedCalls(10), DONE]);
  expect(count).toMatchObject({ failures: 0, left: 10, stopped: undefined });

  for (const call of failedCalls(10)) count.add(call);
  expect(count.stopped).toBe(undefined);
  count.add(FAILED);
  expect(count.stopped).toContain('11 calls failed in a row');
});

it('FailureCount of `ignore` counts failures but never stops', () => {
  expect(countCalls('ignore', failedCalls(1_000))).toMatchObject({
    failures: 1_000,
    stopped: undefined,
  });
});

it('FailureCount stops after exactly eleven failures in any sequence of calls', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 60 }), outcomes => {
      const calls = outcomes.map(isDone => (isDone ? DONE : FAILED));
      const total = outcomes.filter(isDone => !isDone).length;
      const rows = outcomes
        .map(isDone => (isDone ? ' ' : 'x'))
        .join('')
        .split(/ +/);
      const longest = Math.max(...rows.map(row => row.length));

      expect(countCalls('total', calls).stopped !== undefined).toBe(total > 10);
      expect(countCalls('consecutive', calls).stopped !== undefined).toBe(
        longest > 10,
      );
      expect(countCalls('ignore', calls).stopped).toBe(undefined);
    }),
  );
});
