import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withFields } from '../../../lib/simulator/xenioo-wire-entry.js';
import { anyEntryText } from '../../support/any-json.js';

describe('fields put over an entry', () => {
  it('win; undefined takes away, null stays', () => {
    const entry = { Type: 1, Data: 'old', Date: 'old', UserName: 'old' };

    expect(
      withFields(entry, { Data: 'new', Date: undefined, UserName: null, x: 0 }),
    ).toStrictEqual({ Type: 1, Data: 'new', UserName: null, x: 0 });
  });

  it('leave what they are put on and themselves as they were', () => {
    const entry = Object.freeze({ Type: 1, Data: 'old' });
    const fields = Object.freeze({ Data: 'new' });

    expect(withFields(entry, fields)).not.toBe(entry);
    expect(withFields(entry)).toStrictEqual(entry);
  });

  it('go to the wire whatever their names and values are', () => {
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
