import { describe, expect, it } from 'vitest';
import { createEntry } from '../../../lib/cli/create-entry.js';
import { TYPE_NAMES } from '../../../lib/cli/option.parsers.js';

describe('createEntry()', () => {
  it.each([...TYPE_NAMES.entries()])(
    'creates an entry of type %i, %s',
    type => {
      expect(createEntry(type)).toMatchObject({
        Type: type,
        AccountName: expect.any(String),
      });
    },
  );

  it('creates an entry of an unknown type', () => {
    expect(createEntry(99, { data: 'new' })).toMatchObject({
      Type: 99,
      Data: 'new',
    });
  });

  it('sets the text in the field of the type', () => {
    expect(createEntry(1, { data: 'Hello' })).toMatchObject({ Data: 'Hello' });
    expect(createEntry(7, { data: 'hm' })).toMatchObject({ Text: 'hm' });
    expect(createEntry(7, { data: 'hm' })).not.toHaveProperty('Data');
  });

  it('replaces its fields with the given ones', () => {
    const entry = createEntry(1, {
      data: 'Hello',
      fields: [
        ['Data', null],
        ['UserName', 'Ada'],
        ['__proto__', { polluted: true }],
      ],
    });

    expect(entry).toMatchObject({ Type: 1, Data: null, UserName: 'Ada' });
    expect(Object.getPrototypeOf(entry)).toBe(Object.prototype);
    expect(JSON.stringify(entry)).toContain('"__proto__":{"polluted":true}');
  });
});
