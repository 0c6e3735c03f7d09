import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { invalidEntry } from '../../../lib/events/explain-entry.js';
import { InvalidXeniooEntry } from '../../../lib/events/invalid-xenioo.entry.js';
import { parseBody } from '../../../lib/events/parse-body.js';
import { reparseEntry } from '../../../lib/events/reparse-entry.js';
import { XeniooEvent } from '../../../lib/events/xenioo.events.js';
import { anyEntryText, anyJsonText } from '../../support/any-json.js';
import { isIdentical } from '../../support/is-identical.js';
import { eventOf, invalidOf, createReceipt } from '../../support/entry-of.js';

const { bot, receivedAt } = createReceipt();

/** Returns the invalid entry that an earlier version stored. */
function storedEntry(
  raw: unknown,
  reason: InvalidXeniooEntry['reason'] = 'invalid-fields',
) {
  return new InvalidXeniooEntry(
    'id-1',
    reason,
    ['?'],
    raw,
    bot.name,
    receivedAt,
  );
}

describe('reparseEntry()', () => {
  it('returns an event with the original time when the entry is valid now', () => {
    const entry = { Type: 1, Data: 'Hello', city: 'Rome' };

    const [event, ...others] = reparseEntry(storedEntry(entry), bot);

    expect(others).toEqual([]);
    expect(event).toBeInstanceOf(XeniooEvent);
    expect(event).toMatchObject({
      id: 'id-1',
      text: 'Hello',
      receivedAt,
      bot: 'default',
      variables: { city: 'Rome' },
    });
  });

  it('returns an event with the hashed id when it has a date, so that duplicates are found', () => {
    const entry = { Type: 1, Date: '2024-05-01T12:00:00Z' };

    const [event] = reparseEntry(storedEntry(entry), bot);

    expect(event!.id).toBe(eventOf(entry).id);
  });

  it('keeps the id of an entry that is still invalid', () => {
    const entry = { Type: 'x', Date: '2024-05-01T12:00:00Z' };

    const [again] = reparseEntry(storedEntry(entry), bot);

    expect(again).toBeInstanceOf(InvalidXeniooEntry);
    expect(again).toMatchObject({ id: 'id-1', reason: 'invalid-fields' });
  });

  it('accepts an entry of another bot once its token is configured', () => {
    const entry = { Type: 1, BotToken: 'token-b' };
    const foreign = invalidOf(entry, { token: 'token-a' });
    expect(foreign.reason).toBe('foreign-bot');

    const [event] = reparseEntry(foreign, { ...bot, token: 'token-b' });
    const [still] = reparseEntry(foreign, { ...bot, token: 'token-a' });

    expect(event).toMatchObject({ id: foreign.id, botToken: 'token-b' });
    expect(still).toMatchObject({ id: foreign.id, reason: 'foreign-bot' });
  });

  it('returns all entries of a text that is JSON now', () => {
    const text = '[{"Type":1,"Data":"a"},{"Type":8},5]';

    const entries = reparseEntry(storedEntry(text, 'not-json'), bot);

    expect(entries).toMatchObject([
      { typeName: 'user-message', receivedAt },
      { typeName: 'user-connected', receivedAt },
      { reason: 'not-an-event' },
    ]);
    expect(new Set(entries.map(({ id }) => id)).size).toBe(3);
  });

  it('parses the kept text of an entry that was nested too deeply', () => {
    const entries = reparseEntry(storedEntry('{"Type":8,"a":[[1]]}'), bot);

    expect(entries).toMatchObject([{ typeName: 'user-connected' }]);
  });

  it('keeps a JSON string that looks like an entry invalid', () => {
    const entries = reparseEntry(
      storedEntry('{"Type":8}', 'not-an-event'),
      bot,
    );

    expect(entries).toMatchObject([{ reason: 'not-an-event', id: 'id-1' }]);
  });

  it('returns the same invalid entry in the same version', () => {
    const body = fc.oneof(anyJsonText, anyEntryText, fc.string());
    fc.assert(
      fc.property(body, text => {
        for (const entry of parseBody(text, createReceipt())) {
          if (!(entry instanceof InvalidXeniooEntry)) continue;

          const again = reparseEntry(entry, bot);

          expect(again).toHaveLength(1);
          expect(again[0]).toBeInstanceOf(InvalidXeniooEntry);
          expect(again[0]).toMatchObject({
            reason: entry.reason,
            bot: entry.bot,
          });
          const { raw } = again[0] as InvalidXeniooEntry;
          expect(isIdentical(raw, entry.raw)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('reparseEntry() of a body with more than 20,000 entries', () => {
  const bodyOf = (entries: readonly unknown[]) => JSON.stringify(entries);
  const events = Array.from({ length: 45_000 }, (_, index) => ({
    Type: 1,
    Data: String(index),
  }));

  it('returns all its events', () => {
    const [tooMany] = parseBody(bodyOf(events), createReceipt());
    expect(tooMany).toHaveProperty('reason', 'too-many-entries');

    const entries = reparseEntry(tooMany as InvalidXeniooEntry, bot);

    expect(entries.map(({ raw }) => raw)).toEqual(events);
    expect(new Set(entries.map(({ id }) => id)).size).toBe(events.length);
    expect(entries[44_999]).toMatchObject({ text: '44999', receivedAt });
  });

  it('stops after the slice with an invalid entry and reports the index of that entry', () => {
    const some = [...events.slice(0, 30_000), 5, ...events];

    const entries = reparseEntry(
      storedEntry(bodyOf(some), 'too-many-entries'),
      bot,
    );

    expect(entries).toHaveLength(40_000);
    expect(entries[30_000]).toMatchObject({
      reason: 'not-an-event',
      errors: ['entry 30000: must be an object, got a number'],
    });
  });

  it('returns an invalid entry when the body is not JSON', () => {
    const body = `${bodyOf(events).slice(0, -1)},`;
    const entries = reparseEntry(storedEntry(body, 'too-many-entries'), bot);

    expect(entries.at(-1)).toMatchObject({ reason: 'not-json' });
  });
});

it('reparseEntry() keeps the first error and the bytes of a body that could not be decoded', () => {
  const bytes = Buffer.from([0x1f, 0x8b, 0x08, 0x00]);
  const errors = ['the body can’t be decoded (gzip); raw holds its bytes'];
  const entry = invalidEntry(
    'not-json',
    errors,
    bytes.toString('base64'),
    createReceipt(),
  );

  expect(entry).toMatchObject({ reason: 'not-json', errors, raw: 'H4sIAA==' });
  expect(reparseEntry(entry, bot)).toMatchObject([
    {
      id: entry.id,
      reason: 'not-json',
      errors: ['the body is not valid JSON', ...errors],
      raw: 'H4sIAA==',
    },
  ]);
});
