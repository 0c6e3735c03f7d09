import { describe, expect, it } from 'vitest';
import { createEntry } from '../../../lib/cli/create-entry.js';
import { TYPE_NAMES } from '../../../lib/cli/event-type.parser.js';

describe('an entry', () => {
  it.each([...TYPE_NAMES.entries()])('is of type %i, %s', type => {
    expect(createEntry(type)).toMatchObject({
      Type: type,
      AccountName: expect.any(String),
    });
  });

  it('may be of a type that Xenioo adds one day', () => {
    expect(createEntry(99, { data: 'new' })).toMatchObject({
      Type: 99,
      Data: 'new',
    });
  });

  it('holds what was written where its type has it', () => {
    expect(createEntry(1, { data: 'Hello' })).toMatchObject({ Data: 'Hello' });
    expect(createEntry(7, { data: 'hm' })).toMatchObject({ Text: 'hm' });
    expect(createEntry(7, { data: 'hm' })).not.toHaveProperty('Data');
  });

  it('holds the fields that are given, over all others', () => {
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
