import {
  createXeniooEntry,
  xeniooConversation,
  xeniooEntry,
} from 'nestjs-xenioo/testing';

it('creates the same entries for the same seed', () => {
  const entry = createXeniooEntry({ seed: 7 });
  const again = createXeniooEntry({ seed: 7 });

  expect(entry.userMessage()).toEqual(again.userMessage());
  expect(entry.takeOver()).toEqual(again.takeOver());
  expect(xeniooConversation({ seed: 7 })).toEqual(
    xeniooConversation({ seed: 7 }),
  );
});

it('creates entries in the wire format', () => {
  const startAt = new Date('2025-01-31T09:00:00Z');
  const entry = createXeniooEntry({ startAt }).userMessage({
    Data: 'Hello!',
    UserName: undefined,
    city: 'Rome',
  });

  expect(entry).toMatchObject({ Type: 1, Data: 'Hello!', city: 'Rome' });
  expect(entry.Date).toMatch(/^2025-01-31T09:00:\d\d\.\d{7}\+00:00$/);
  expect(entry).not.toHaveProperty('UserName');
});

it('creates a different entry each time', () => {
  expect(xeniooEntry.userMessage()).not.toEqual(xeniooEntry.userMessage());
});
