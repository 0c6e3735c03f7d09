import { instanceToPlain } from 'class-transformer';
import { expect, it } from 'vitest';
import { InvalidXeniooEntry } from '../../../lib/events/invalid-xenioo.entry.js';

const invalidEntryWith = (raw: unknown) =>
  new InvalidXeniooEntry(
    'id-1',
    'not-an-event',
    ['entry 0: must be an object, got a list'],
    raw,
    'default',
    new Date('2024-05-01T12:00:00Z'),
  );

const PLAIN = {
  id: 'id-1',
  reason: 'not-an-event',
  errors: ['entry 0: must be an object, got a list'],
  raw: [{ Data: 'Hello' }],
  bot: 'default',
  receivedAt: '2024-05-01T12:00:00.000Z',
};

it('InvalidXeniooEntry is frozen', () => {
  const entry = invalidEntryWith('');

  expect(Object.isFrozen(entry)).toBe(true);
  expect(Object.isFrozen(entry.errors)).toBe(true);
});

it('InvalidXeniooEntry is serialized with all its properties', () => {
  const entry = invalidEntryWith([{ Data: 'Hello' }]);

  expect(JSON.parse(JSON.stringify(entry))).toStrictEqual(PLAIN);
  expect(JSON.parse(JSON.stringify(instanceToPlain(entry)))).toStrictEqual(
    PLAIN,
  );
});

it.each([
  '{"constructor":"x","a":1}',
  '[{"constructor":{},"__proto__":{"b":1},"a":1}]',
  'null',
  '"text"',
])('InvalidXeniooEntry is serialized with raw %s', json => {
  const entry = invalidEntryWith(JSON.parse(json));

  expect(JSON.stringify(entry)).toContain(`"raw":${json}`);
  expect(JSON.stringify(instanceToPlain(entry))).toContain(
    `"raw":${json.replaceAll(/"(constructor|__proto__)":("x"|\{("b":1)?\}),/g, '')}`,
  );
});
