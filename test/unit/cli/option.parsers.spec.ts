import { InvalidArgumentError } from 'commander';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  parseCount,
  parseDuration,
  parseEntry,
  parseEventType,
  parseField,
  parseRate,
  parseShare,
  parseSpeed,
  TYPE_NAMES,
} from '../../../lib/cli/option.parsers.js';
import { XENIOO_EVENT_TABLE } from '../../../lib/events/xenioo-event.table.js';

/** Texts of digits and units, and any other text. */
const anyText = fc.oneof(
  fc.stringMatching(/^[\d.+e%smhx -]*$/),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('Infinity', 'NaN', '1e9', '0x10', '١s', 'constructor'),
);

/** Returns the result of a parser, or `instead` if it rejects the text. */
function parseOr(
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

describe('parseDuration()', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['2m', 120_000],
    ['1.5m', 90_000],
    ['1h', 3_600_000],
    ['250', 250],
  ])('parses %s as %i ms', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  it.each(['', '0', '0s', '-1s', '30 s', '30sec', 's', '1e3', '600h', '0.1'])(
    'rejects %j',
    text => {
      expect(() => parseDuration(text)).toThrow(/such as 500ms, 30s or 2m/);
    },
  );

  it('returns a delay that a timer supports for any text', () => {
    fc.assert(
      fc.property(anyText, text => {
        const durationMs = parseOr(parseDuration, text, 1);
        expect(durationMs).toBeGreaterThanOrEqual(1);
        expect(durationMs).toBeLessThan(2 ** 31);
      }),
    );
  });
});

describe('parseShare()', () => {
  it.each([
    ['2%', 0.02],
    ['0.02', 0.02],
    ['.5', 0.5],
    ['100%', 1],
    ['1', 1],
    ['0', 0],
    ['12.5%', 0.125],
  ])('parses %s as %f', (text, expected) => {
    expect(parseShare(text)).toBeCloseTo(expected);
  });

  it.each(['', '2', '101%', '-1%', '%', '2 %', 'two'])('rejects %j', text => {
    expect(() => parseShare(text)).toThrow(/such as 2% or 0.02/);
  });

  it('returns a number from 0 to 1 for any text', () => {
    fc.assert(
      fc.property(anyText, text => {
        const share = parseOr(parseShare, text, 0);
        expect(share).toBeGreaterThanOrEqual(0);
        expect(share).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('parseCount()', () => {
  it('parses a whole number in its range', () => {
    expect(parseCount(1, 500)('1')).toBe(1);
    expect(parseCount(1, 500)('500')).toBe(500);
  });

  it.each(['', '0', '501', '1.5', '-1', '1e2', ' 1', 'ten'])(
    'rejects %j',
    text => {
      expect(() => parseCount(1, 500)(text)).toThrow(
        'Expected a whole number from 1 to 500.',
      );
    },
  );
});

describe('parseRate()', () => {
  it('parses calls per second', () => {
    expect(parseRate('100')).toBe(100);
    expect(parseRate('0.5')).toBe(0.5);
  });

  it('parses max as Infinity', () => {
    expect(parseRate('max')).toBe(Infinity);
  });

  it.each(['', '0', '-1', '100/s', '0.0001', '1000000', 'Max '])(
    'rejects %j',
    text => {
      expect(() => parseRate(text)).toThrow(/calls per second, such as 100/);
    },
  );
});

describe('parseSpeed()', () => {
  it.each([
    ['1', 1],
    ['10', 10],
    ['0.5', 0.5],
  ])('parses %s as %d', (text, expected) => {
    expect(parseSpeed(text)).toBe(expected);
  });

  it.each(['', '0', '-1', 'max', '1e3', '2x'])('rejects %j', text => {
    expect(() => parseSpeed(text)).toThrow(/such as 1, 10 or 0.5/);
  });

  it('returns a finite factor above 0 for any text', () => {
    fc.assert(
      fc.property(anyText, text => {
        const speed = parseOr(parseSpeed, text, 1);
        expect(speed).toBeGreaterThan(0);
        expect(speed).toBeLessThan(Number.POSITIVE_INFINITY);
      }),
    );
  });
});

describe('TYPE_NAMES', () => {
  it('lists the type names in the order of their numbers', () => {
    expect(TYPE_NAMES).toEqual(
      Object.values(XENIOO_EVENT_TABLE).map(({ typeName }) => typeName),
    );
  });

  it('contains only names that parseEventType() accepts', () => {
    expect(TYPE_NAMES.map(parseEventType)).toEqual([...TYPE_NAMES.keys()]);
  });
});

describe('parseEventType()', () => {
  it.each(['TakeOver', 'takeOver', 'take-over', 'TAKE_OVER', '10'])(
    'parses %s',
    text => {
      expect(parseEventType(text)).toBe(10);
    },
  );

  it.each(['', 'take', '-1', '1.5', '1e3', '9007199254740992', 'constructor'])(
    'rejects %j',
    text => {
      expect(() => parseEventType(text)).toThrow(/one of bot-message, user-/);
    },
  );

  it('returns a non-negative integer for any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.nat().map(String)), text => {
        const type = parseOr(parseEventType, text, 0);
        expect(Number.isSafeInteger(type)).toBe(true);
        expect(type).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe('parseField()', () => {
  it.each([
    ['city=Rome', 'city', 'Rome'],
    ['city=', 'city', ''],
    ['note=a=b', 'note', 'a=b'],
    ['Data=null', 'Data', 'null'],
    ['a b=c\nd', 'a b', 'c\nd'],
  ])('parses a text: %j', (text, name, value) => {
    expect(parseField(text, [])).toEqual([[name, value]]);
  });

  it.each([
    ['Data:=null', 'Data', null],
    ['age:=42', 'age', 42],
    ['tags:=["a","b"]', 'tags', ['a', 'b']],
    ['name:="Ada"', 'name', 'Ada'],
    ['a:b:={"c":"d=e"}', 'a:b', { c: 'd=e' }],
  ])('parses JSON: %j', (text, name, value) => {
    expect(parseField(text, [])).toEqual([[name, value]]);
  });

  it('adds to the previous fields', () => {
    expect(parseField('b=2', parseField('a=1', []))).toEqual([
      ['a', '1'],
      ['b', '2'],
    ]);
  });

  it.each(['', 'city', '=Rome', 'age:=', 'age:=x', 'age:={'])(
    'rejects %j',
    text => {
      expect(() => parseField(text, [])).toThrow(/^--field: expected/);
    },
  );

  it('keeps any text unchanged', () => {
    const names = fc.stringMatching(/^[^=:]+$/);
    fc.assert(
      fc.property(names, fc.string({ unit: 'binary' }), (name, value) => {
        expect(parseField(`${name}=${value}`, [])).toEqual([[name, value]]);
      }),
    );
  });

  it('keeps any JSON unchanged', () => {
    const names = fc.stringMatching(/^[^=:]+$/);
    fc.assert(
      fc.property(names, fc.jsonValue(), (name, value) => {
        const json = JSON.stringify(value);
        expect(parseField(`${name}:=${json}`, [])).toEqual([
          [name, JSON.parse(json)],
        ]);
      }),
    );
  });
});

describe('parseEntry()', () => {
  it('parses any JSON', () => {
    expect(parseEntry('[{"Type":1}]')).toEqual([{ Type: 1 }]);
  });

  it('does not show a text that is not JSON', () => {
    expect(() => parseEntry('{"Data":"words')).toThrow(/^--entry: expected/);
    expect(() => parseEntry('{"Data":"words')).not.toThrow(/words/);
  });
});
