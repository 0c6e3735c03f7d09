import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBody } from '../../../lib/events/parse-body.js';
import { InvalidXeniooEntry } from '../../../lib/events/invalid-xenioo.entry.js';
import { XeniooHandlerFailure } from '../../../lib/handlers/xenioo-handler.failure.js';
import {
  letterOfFailures,
  letterOfInvalid,
  letterWithout,
  restoreLetter,
  storeLetter,
} from '../../../lib/inbox/dead-letter.js';
import { anyEntryText, anyJsonText } from '../../support/any-json.js';
import { isSame } from '../../support/is-same.js';
import { eventOf, invalidOf, receipt } from '../../support/receipt.js';

const event = eventOf({ Type: 1, Data: 'Hello' });
const down = new Error('CRM is down');

const gaveUp = (handler: string, error: unknown, attempts = 3) =>
  new XeniooHandlerFailure(event, handler, error, attempts);

const failureOf = (handler: string) => gaveUp(handler, down);

const toldOf = (handler: string, error: Error = down, attempts = 3) => ({
  handler,
  attempts,
  error: { message: error.message, stack: error.stack },
});

describe('the letter of an event', () => {
  it('holds it, every handler that gave up and its last error', () => {
    const before = new Date();
    const failures = [failureOf('Crm.save'), failureOf('Desk.notify')];

    const letter = letterOfFailures(event, failures);

    expect(letter).toEqual({
      id: event.id,
      kind: 'event',
      entry: event,
      failures: [toldOf('Crm.save'), toldOf('Desk.notify')],
      deadLetteredAt: letter.deadLetteredAt,
    });
    expect(Number(letter.deadLetteredAt)).toBeGreaterThanOrEqual(+before);
  });

  it('keeps the failures of others, and the last one of each', () => {
    const earlier = letterOfFailures(event, [
      failureOf('Crm.save'),
      failureOf('Desk.notify'),
    ]);
    const still = new Error('still down');

    const { failures } = letterOfFailures(
      event,
      [gaveUp('Crm.save', still, 10), failureOf('Audit.write')],
      earlier.failures,
    );

    expect(failures).toEqual([
      toldOf('Desk.notify'),
      toldOf('Crm.save', still, 10),
      toldOf('Audit.write'),
    ]);
  });

  it.each<[string, unknown, string]>([
    ['a text', 'no such customer', 'no such customer'],
    ['nothing', undefined, 'undefined'],
    ['a bare object', Object.create(null), 'something that has no text'],
    ['a number', 42, '42'],
  ])('holds what was thrown where that is %s', (_what, thrown, message) => {
    const letter = letterOfFailures(event, [gaveUp('Crm.save', thrown)]);

    expect(letter.failures[0]!.error).toStrictEqual({ message });
  });

  it.each<[string, object]>([
    ['a big integer', { stack: 1n }],
    [
      'an object that can’t be turned into text',
      {
        stack: {
          toJSON: () => {
            throw new Error('no');
          },
        },
      },
    ],
    ['a list of frames', { stack: [{}, {}] }],
  ])('can be stored where the stack of an error is %s', (_what, odd) => {
    const error = Object.assign(new Error('odd'), odd);

    const letter = letterOfFailures(event, [gaveUp('Crm.save', error)]);

    expect(restoreLetter(storeLetter(letter)).failures).toStrictEqual([
      { handler: 'Crm.save', attempts: 3, error: { message: 'odd' } },
    ]);
  });
});

describe('the letter of an invalid entry', () => {
  it('holds it, and no handler', () => {
    const entry = invalidOf({ Type: 'x' });

    expect(letterOfInvalid(entry)).toMatchObject({
      id: entry.id,
      kind: 'invalid',
      entry,
      failures: [],
    });
  });
});

describe('a letter without some handlers', () => {
  const letter = letterOfFailures(event, [
    failureOf('Crm.save'),
    failureOf('Desk.notify'),
  ]);

  it('holds the others, and is as old', () => {
    expect(letterWithout(letter, ['Crm.save'])).toEqual({
      ...letter,
      failures: [toldOf('Desk.notify')],
    });
  });

  it('is as it was where they are not in it', () => {
    expect(letterWithout(letter, ['Audit.write'])).toEqual(letter);
  });

  it('is none where nobody is left, or all are meant', () => {
    const all = ['Desk.notify', 'Crm.save'];

    expect(letterWithout(letter, all)).toBeUndefined();
    expect(letterWithout(letter, undefined)).toBeUndefined();
  });
});

describe('a letter that was stored', () => {
  it('is the same, of an event', () => {
    const letter = letterOfFailures(event, [
      gaveUp('Crm.save', 'a text'),
      failureOf('Desk.notify'),
    ]);

    expect(isSame(restoreLetter(storeLetter(letter)), letter)).toBe(true);
  });

  it('keeps the time at which it was written', () => {
    const letter = {
      ...letterOfFailures(event, [failureOf('Crm.save')]),
      deadLetteredAt: new Date('2020-01-01T00:00:00.123Z'),
    };

    expect(restoreLetter(storeLetter(letter)).deadLetteredAt).toEqual(
      letter.deadLetteredAt,
    );
  });

  it('is the same, whatever came and whatever was thrown', () => {
    const body = fc.oneof(anyEntryText, anyJsonText, fc.string());
    fc.assert(
      fc.property(body, fc.anything(), fc.string(), (text, thrown, message) => {
        for (const entry of parseBody(text, receipt())) {
          const letter =
            entry instanceof InvalidXeniooEntry
              ? letterOfInvalid(entry)
              : letterOfFailures(entry, [
                  new XeniooHandlerFailure(entry, 'a', thrown, 1),
                  new XeniooHandlerFailure(entry, 'b', new Error(message), 2),
                ]);

          const again = restoreLetter(storeLetter(letter));

          expect(isSame(again, letter), text).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});
