import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withFields } from '../../../lib/simulator/xenioo-wire-entry.js';
import { anyEntryText } from '../../support/any-json.js';

describe('withFields()', () => {
  it('replaces fields, removes those set to undefined and keeps null', () => {
    const entry = { Type: 1, Data: 'old', Date: 'old', UserName: 'old' };

    expect(
      withFields(entry, { Data: 'new', Date: undefined, UserName: null, x: 0 }),
    ).toStrictEqual({ Type: 1, Data: 'new', UserName: null, x: 0 });
  });

  it('changes neither the entry nor the fields', () => {
    const entry = Object.freeze({ Type: 1, Data: 'old' });
    const fields = Object.freeze({ Data: 'new' });

    expect(withFields(entry, fields)).not.toBe(entry);
    expect(withFields(entry)).toStrictEqual(entry);
  });

  it('accepts fields of any name and value', () => {
    fc.assert(
      fc.property(anyEntryText, text => {
        const fields = JSON.parse(text) as Record<string, unknown>;
        const made = withFields({ Type: 1 }, fields);
        expect(JSON.parse(JSON.stringify(made))).toEqual(
          JSON.parse(JSON.stringify(fields)),
        );
        expect(Object.getPrototypeOf(made)).toBe(Object.prototype);
      }),
    );
  });
});
