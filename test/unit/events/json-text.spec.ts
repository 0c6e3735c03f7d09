import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonText } from '../../../lib/events/json-text.js';
import { anyJsonText } from '../../support/any-json.js';
import { isIdentical } from '../../support/is-identical.js';

describe('jsonText()', () => {
  it.each([
    '1e999',
    '-1e999',
    '-0',
    '[1,-0,{"a":[1e999]}]',
    '{"a":{"b":-1e999,"c":"-0"},"d":null}',
  ])('keeps values that JSON.stringify() loses: %s', text => {
    expect(jsonText(JSON.parse(text))).toBe(text);
  });

  it.each([
    '"\\ud800"',
    '"\\u0000"',
    '{"__proto__":{"isAdmin":true}}',
    '{"__proto__":-0}',
    '{"toJSON":1,"constructor":-0}',
    '{"":{},"b":[]}',
    'null',
  ])('keeps unusual values: %s', text => {
    expect(jsonText(JSON.parse(text))).toBe(text);
  });

  it('equals JSON.stringify() for ordinary values', () => {
    const value = { Type: 1, Data: 'Grüße 🎉', cart: [{ price: 1.5 }, null] };

    expect(jsonText(value)).toBe(JSON.stringify(value));
  });

  it('returns a text that parses to the same value', () => {
    fc.assert(
      fc.property(anyJsonText, text => {
        const value: unknown = JSON.parse(text);

        const again: unknown = JSON.parse(jsonText(value));

        expect(isIdentical(again, value)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
