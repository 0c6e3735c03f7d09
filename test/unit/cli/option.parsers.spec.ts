import { InvalidArgumentError } from 'commander';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  parseCount,
  parseDuration,
  parseRate,
  parseShare,
  parseSpeed,
} from '../../../lib/cli/option.parsers.js';

/** Texts of what numbers and units are made of, and any other text. */
const anyText = fc.oneof(
  fc.stringMatching(/^[\d.+e%smhx -]*$/),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('Infinity', 'NaN', '1e9', '0x10', '١s', 'constructor'),
);

/** What a parser makes of a text; where it refuses it as it should, `instead`. */
function parsed(
  parse: (text: string) => number,
  text: string,
  instead: number,
): number {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof InvalidArgumentError) return instead;
    throw error;
  }
}

describe('a duration', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['2m', 120_000],
    ['1.5m', 90_000],
    ['1h', 3_600_000],
    ['250', 250],
  ])('%s is %i ms', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  it.each(['', '0', '0s', '-1s', '30 s', '30sec', 's', '1e3', '600h', '.5s'])(
    'is not %j',
    text => {
      expect(() => parseDuration(text)).toThrow(/such as 500ms, 30s or 2m/);
    },
  );

  it('is a time that a timer can wait, whatever is given', () => {
    fc.assert(
      fc.property(anyText, text => {
        const durationMs = parsed(parseDuration, text, 1);
        expect(durationMs).toBeGreaterThanOrEqual(1);
        expect(durationMs).toBeLessThan(2 ** 31);
      }),
    );
  });
});

describe('a share', () => {
  it.each([
    ['2%', 0.02],
    ['0.02', 0.02],
    ['.5', 0.5],
    ['100%', 1],
    ['1', 1],
    ['0', 0],
    ['12.5%', 0.125],
  ])('%s is %f', (text, expected) => {
    expect(parseShare(text)).toBeCloseTo(expected);
  });

  it.each(['', '2', '101%', '-1%', '%', '2 %', 'two'])('is not %j', text => {
    expect(() => parseShare(text)).toThrow(/such as 2% or 0.02/);
  });

  it('is from 0 to 1, whatever is given', () => {
    fc.assert(
      fc.property(anyText, text => {
        const share = parsed(parseShare, text, 0);
        expect(share).toBeGreaterThanOrEqual(0);
        expect(share).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('a count', () => {
  it('is a whole number in its range', () => {
    expect(parseCount(1, 500)('1')).toBe(1);
    expect(parseCount(1, 500)('500')).toBe(500);
  });

  it.each(['', '0', '501', '1.5', '-1', '1e2', ' 1', 'ten'])(
    'is not %j',
    text => {
      expect(() => parseCount(1, 500)(text)).toThrow(
        'Expected a whole number from 1 to 500.',
      );
    },
  );
});

describe('a rate', () => {
  it('is calls a second', () => {
    expect(parseRate('100')).toBe(100);
    expect(parseRate('0.5')).toBe(0.5);
  });

  it('has no end with max', () => {
    expect(parseRate('max')).toBe(Infinity);
  });

  it.each(['', '0', '-1', '100/s', '0.0001', '1000000', 'Max '])(
    'is not %j',
    text => {
      expect(() => parseRate(text)).toThrow(/calls a second, such as 100/);
    },
  );
});

describe('a speed', () => {
  it.each([
    ['1', 1],
    ['10', 10],
    ['0.5', 0.5],
  ])('%s is %d times as fast', (text, expected) => {
    expect(parseSpeed(text)).toBe(expected);
  });

  it.each(['', '0', '-1', 'max', '1e3', '2x'])('is not %j', text => {
    expect(() => parseSpeed(text)).toThrow(/such as 1, 10 or 0.5/);
  });

  it('is one that can be kept, whatever is given', () => {
    fc.assert(
      fc.property(anyText, text => {
        const speed = parsed(parseSpeed, text, 1);
        expect(speed).toBeGreaterThan(0);
        expect(speed).toBeLessThan(Number.POSITIVE_INFINITY);
      }),
    );
  });
});
