import { expect, it } from 'vitest';
import { plural } from '../../lib/plural.js';

it.each([
  [0, '0 events'],
  [1, '1 event'],
  [2, '2 events'],
  [1.5, '1.5 events'],
  [1_200, '1,200 events'],
])('formats %s with its noun', (count, text) => {
  expect(plural(count, 'event')).toBe(text);
});
