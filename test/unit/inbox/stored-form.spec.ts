import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidXeniooEntry } from '../../../lib/events/invalid-xenioo.entry.js';
import { parseBody } from '../../../lib/events/parse-body.js';
import type { XeniooEntry } from '../../../lib/events/parse-entry.js';
import type { XeniooEvent } from '../../../lib/events/xenioo.events.js';
import type { XeniooDeadLetter } from '../../../lib/handlers/xenioo-dead-letter.js';
import type { XeniooTask } from '../../../lib/handlers/xenioo-task.js';
import { deadLetterOf } from '../../../lib/inbox/record-run.js';
import {
  restoreDeadLetter,
  restoreTask,
  STORED_VERSION,
  storeDeadLetter,
  storeTask,
} from '../../../lib/inbox/stored-form.js';
import documented from '../../fixtures/documented.json' with { type: 'json' };
import everyType from '../../fixtures/every-type.json' with { type: 'json' };
import { anyEntryText, anyJsonText } from '../../support/any-json.js';
import { isIdentical } from '../../support/is-identical.js';
import { eventOf, invalidOf, createReceipt } from '../../support/entry-of.js';

const deep = `${'['.repeat(5_000)}-0${']'.repeat(5_000)}`;

const anyBody = fc.oneof(
  anyJsonText,
  anyEntryText,
  fc.array(anyEntryText, { maxLength: 4 }).map(all => `[${all.join(',')}]`),
  fc.string({ unit: 'binary' }),
);

/** Names and messages that a host can choose. */
const anyText = fc.oneof(
  fc.constantFrom('', '__proto__', 'constructor', 'a.b', '\u0000', '\uD800'),
  fc.string({ unit: 'binary' }),
);

const anyCarrier = fc
  .array(fc.tuple(anyText, anyText), { maxLength: 4 })
  .map(pairs => Object.fromEntries(pairs));

const whole = fc.nat({ max: Number.MAX_SAFE_INTEGER });

const anyRun = fc.record(
  {
    handler: anyText,
    attempts: whole,
    carrier: anyCarrier,
    missingSince: whole,
  },
  { requiredKeys: ['attempts'] },
);

/** Returns the entries of a body. */
const entriesOf = (text: string) =>
  parseBody(text, createReceipt({ name: 'support' }));

const restoreEntry = <E extends XeniooEntry>(entry: E) =>
  restoreTask(storeTask({ entry, attempts: 0 })).entry as E;

/** Returns the entries of a body that differ after they are stored and restored. */
const changedEntriesOf = (text: string) =>
  entriesOf(text).filter(entry => {
    const restored = restoreEntry(entry);
    return !Object.isFrozen(restored) || !isIdentical(restored, entry);
  });

const sortKeys = (value: object) =>
  Object.fromEntries(
    Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)),
  );

describe('storeTask() and restoreTask()', () => {
  it('restore every field', () => {
    const task: XeniooTask = {
      entry: eventOf({ Type: 1, Data: 'Hello' }),
      handler: 'Crm.save',
      attempts: 3,
      carrier: { traceparent: '00-1-2-01' },
      missingSince: 1_700_000_000_000,
    };

    expect(restoreTask(storeTask(task))).toStrictEqual(task);
  });

  it('add no field', () => {
    const task = { entry: eventOf({ Type: 1 }), attempts: 0 };

    expect(restoreTask(storeTask(task))).toStrictEqual(task);
    expect(
      restoreTask(
        storeTask({ ...task, carrier: undefined, handler: undefined }),
      ),
    ).toStrictEqual(task);
  });

  it('restore a task with any entry, handler name and carrier', () => {
    fc.assert(
      fc.property(anyBody, anyRun, (text, run) => {
        for (const entry of entriesOf(text)) {
          const task: XeniooTask = { ...run, entry };

          const restored = restoreTask(storeTask(task));

          expect(isIdentical(sortKeys(restored), sortKeys(task)), text).toBe(
            true,
          );
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('use text that every encoding supports', () => {
    fc.assert(
      fc.property(anyEntryText, anyRun, (text, run) => {
        for (const entry of entriesOf(text)) {
          const stored = storeTask({ ...run, entry });

          expect(Buffer.from(stored).toString()).toBe(stored);
          expect(stored).not.toContain('\u0000');
        }
      }),
    );
  });

  it('reject damaged text without quoting it', () => {
    for (const restore of [restoreTask, restoreDeadLetter]) {
      expect(() => restore('Ada Lovelace writes')).toThrow(
        /^the stored text is not valid JSON$/,
      );
    }
  });

  it.each([
    [0, '0'],
    [STORED_VERSION + 1, String(STORED_VERSION + 1)],
    ['1', 'another value'],
    [null, 'another value'],
  ])('reject a task of version %j', (version, shown) => {
    const stored = storeTask({ entry: eventOf({ Type: 1 }), attempts: 0 });
    const other = JSON.stringify({ ...JSON.parse(stored), v: version });

    expect(() => restoreTask(other)).toThrow(
      `expected version ${STORED_VERSION} of the stored form, got ${shown}: another version of nestjs-xenioo wrote it`,
    );
  });

  it.each(['', '{', '{}', 'null', '[]', '"text"', '{"v":1}'])(
    'reject a damaged task: %j',
    text => {
      expect(() => restoreTask(text)).toThrow(Error);
    },
  );
});

describe('storeTask() and restoreTask() of an event', () => {
  it.each([...documented, ...everyType, { Type: 99 }])('restore %o', entry => {
    expect(changedEntriesOf(JSON.stringify(entry))).toEqual([]);
  });

  it('keep the id', () => {
    const event = eventOf({ Type: 1 });

    expect(restoreEntry(event).id).toBe(event.id);
  });

  it('keep the name of the bot when its token has changed', () => {
    const event = eventOf(
      { Type: 1, BotToken: 'token-a' },
      { name: 'support', token: 'token-a' },
    );

    expect(restoreEntry(event)).toStrictEqual(event);
  });

  it('restore it deeply frozen and without inherited properties', () => {
    const text =
      '{"Type":1,"__proto__":{"isAdmin":true},"cart":{"items":[{"id":1}]}}';
    expect(changedEntriesOf(text)).toEqual([]);
    const { variables, raw } = restoreEntry(entriesOf(text)[0] as XeniooEvent);
    const cart = raw['cart'] as { items: unknown };

    for (const shared of [variables, raw, cart, cart.items]) {
      expect(Object.isFrozen(shared)).toBe(true);
    }
    expect(raw).not.toHaveProperty('isAdmin');
  });

  it('return an invalid entry with the same id when the event is no longer valid', () => {
    const event = eventOf({ Type: 7, Text: 'text' });
    const stored = storeTask({ entry: event, attempts: 0 });

    const { entry } = restoreTask(stored.replace('"Text"', '"Test"'));

    expect(entry).toBeInstanceOf(InvalidXeniooEntry);
    expect(entry).toMatchObject({
      id: event.id,
      reason: 'invalid-fields',
      errors: ['entry 0: Text must be a string, got nothing'],
      raw: { Type: 7, Test: 'text' },
    });
  });
});

describe('storeTask() and restoreTask() of an invalid entry', () => {
  it.each([
    ['', 'not-json'],
    ['{"Type":1,"Da', 'not-json'],
    ['broken \u0000 and \uD800', 'not-json'],
    ['"{\\"Type\\":1}"', 'not-an-event'],
    ['null', 'not-an-event'],
    ['[[]]', 'not-an-event'],
    ['{"Type":1e999}', 'invalid-fields'],
    ['{"Type":"1","raw":{"raw":-0}}', 'invalid-fields'],
    [`{"Type":1,"deep":${deep}}`, 'invalid-fields'],
    [`[{"Type":1,"deep":${deep}}]`, 'invalid-fields'],
  ])('restore %j', (text, reason) => {
    expect(entriesOf(text)[0]).toMatchObject({ reason });
    expect(changedEntriesOf(text)).toEqual([]);
  });

  it('keep it invalid when its token is configured now', () => {
    const foreign = invalidOf({ Type: 1, BotToken: 'b' }, { token: 'a' });

    expect(restoreEntry(foreign)).toStrictEqual(foreign);
  });

  it('restore it deeply frozen', () => {
    const entry = restoreEntry(invalidOf({ Type: 'x', a: [{}] }));
    const raw = entry.raw as { a: [object] };

    for (const shared of [entry, raw, raw.a, raw.a[0]]) {
      expect(Object.isFrozen(shared)).toBe(true);
    }
  });
});

describe('storeDeadLetter() and restoreDeadLetter()', () => {
  it('restore every field', () => {
    const letter: XeniooDeadLetter = {
      ...deadLetterOf(eventOf({ Type: 1 }), {
        handler: 'Crm.save',
        attempts: 10,
        error: new Error('CRM is down'),
      }),
      deadLetteredAt: new Date('2020-01-01T00:00:00.123Z'),
    };

    expect(restoreDeadLetter(storeDeadLetter(letter))).toStrictEqual(letter);
  });

  it('restore a letter without a handler', () => {
    for (const entry of [eventOf({ Type: 1 }), invalidOf('text')]) {
      const letter = deadLetterOf(entry);

      expect(restoreDeadLetter(storeDeadLetter(letter))).toStrictEqual(letter);
    }
  });

  it('restore a letter with any entry and any thrown value', () => {
    const anyFailure = fc.record(
      { handler: anyText, attempts: whole, error: fc.anything() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(anyBody, anyFailure, (text, failed) => {
        for (const entry of entriesOf(text)) {
          const letter = deadLetterOf(entry, failed);

          const restored = restoreDeadLetter(storeDeadLetter(letter));

          expect(isIdentical(sortKeys(restored), sortKeys(letter)), text).toBe(
            true,
          );
        }
      }),
      { numRuns: 500 },
    );
  });

  it('reject a letter of another version', () => {
    const stored = storeDeadLetter(deadLetterOf(eventOf({ Type: 1 })));
    const other = JSON.stringify({ ...JSON.parse(stored), v: 2 });

    expect(() => restoreDeadLetter(other)).toThrow(
      'expected version 1 of the stored form, got 2',
    );
  });
});
