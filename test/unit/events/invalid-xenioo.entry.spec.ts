import { expect, it } from 'vitest';
import { InvalidXeniooEntry } from '../../../lib/events/invalid-xenioo.entry.js';

it('is frozen, since handlers share it', () => {
  const entry = new InvalidXeniooEntry(
    'id',
    'not-json',
    ['the body is empty'],
    '',
    'default',
    new Date(),
  );

  expect(Object.isFrozen(entry)).toBe(true);
  expect(Object.isFrozen(entry.errors)).toBe(true);
});
