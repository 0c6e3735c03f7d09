import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonText } from '../../../lib/events/json-text.js';
import { anyJsonText } from '../../support/any-json.js';
import { isIdentical } from '../../support/is-identical.js';

describe('the text of a value', () => {
  it.each([
    '1e999',
    '-1e999',
    '-0',
    '[1,-0,{"a":[1e999]}]',
    '{"a":{"b":-1e999,"c":"-0"},"d":null}',
  ])('keeps what JSON.stringify does not: %s', text => {
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
  ])('keeps what is odd in other ways: %s', text => {
    expect(jsonText(JSON.parse(text))).toBe(text);
  });

  it('is that of JSON.stringify for all others', () => {
    const value = { Type: 1, Data: 'Grüße 🎉', cart: [{ price: 1.5 }, null] };

    expect(jsonText(value)).toBe(JSON.stringify(value));
  });

  it('makes the same value again, whatever that is', () => {
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
