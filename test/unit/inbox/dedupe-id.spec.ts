import { expect, it } from 'vitest';
import { dedupeId } from '../../../lib/inbox/entries.js';
import { eventOf, invalidOf, entryOf } from '../../support/entry-of.js';

it('dedupeId() returns the id of an event with a Date', () => {
  const wire = { Type: 1, Date: '2024-05-01T12:00:00Z' };

  expect(dedupeId(entryOf(wire))).toBe(eventOf(wire).id);
});

it.each([
  ['an event without a Date', eventOf({ Type: 1 })],
  ['an event whose Date is null', eventOf({ Type: 1, Date: null })],
  ['an invalid entry', invalidOf({ Type: 'x', Date: '2024-05-01T12:00:00Z' })],
])('dedupeId() returns undefined for %s', (_what, entry) => {
  expect(dedupeId(entry)).toBeUndefined();
});
