import { describe, expect, it } from 'vitest';
import { UnknownXeniooEvent } from '../../../lib/events/xenioo.events.js';
import { XeniooEventType } from '../../../lib/events/xenioo-event-type.js';
import {
  eventNameOf,
  eventRow,
  XENIOO_EVENT_NAMES,
} from '../../../lib/events/xenioo-event.table.js';
import { entryOf } from '../../support/entry-of.js';

const NAMES = [
  ['BotMessage', 'bot-message'],
  ['UserMessage', 'user-message'],
  ['ConversationError', 'conversation-error'],
  ['IntentUpdated', 'intent-updated'],
  ['IntentDeleted', 'intent-deleted'],
  ['EntityUpdated', 'entity-updated'],
  ['EntityDeleted', 'entity-deleted'],
  ['UnmatchedMessage', 'unmatched-message'],
  ['UserConnected', 'user-connected'],
  ['UserReturned', 'user-returned'],
  ['TakeOver', 'take-over'],
  ['HandOver', 'hand-over'],
  ['Fallback', 'fallback'],
  ['WrongReply', 'wrong-reply'],
] as const;

describe.each(NAMES.map(([name, words], type) => ({ name, words, type })))(
  'XENIOO_EVENT_TABLE type $type',
  ({ name, words, type }) => {
    it(`has the class of ${name} and the name '${words}'`, () => {
      const row = eventRow(type);

      expect(XeniooEventType[type]).toBe(name);
      expect(row.eventClass.name).toBe(`${name}Event`);
      expect(row.typeName).toBe(words);
      expect(XENIOO_EVENT_NAMES[name]).toBe(`xenioo.${words}`);
    });
  },
);

it.each([14, 99, Number.MAX_SAFE_INTEGER])(
  'eventRow() returns the row of unknown events for type %i',
  type => {
    expect(eventRow(type)).toMatchObject({
      eventClass: UnknownXeniooEvent,
      typeName: 'unknown',
      eventName: 'xenioo.unknown',
    });
  },
);

describe('XENIOO_EVENT_NAMES', () => {
  it.each([
    [{ Type: 1 }, 'xenioo.user-message'],
    [{ Type: 99 }, 'xenioo.unknown'],
    [{ Type: 'x' }, 'xenioo.invalid'],
  ])('has the name of any entry: %o', (entry, name) => {
    expect(eventNameOf(entryOf(entry))).toBe(name);
  });

  it('has one name for each type and for the other events', () => {
    expect(Object.keys(XENIOO_EVENT_NAMES)).toEqual([
      ...NAMES.map(([name]) => name),
      'Unknown',
      'Invalid',
      'Failed',
      'Strike',
      'Silence',
    ]);
    expect(XENIOO_EVENT_NAMES).toMatchObject({
      Unknown: 'xenioo.unknown',
      Invalid: 'xenioo.invalid',
      Failed: 'xenioo.failed',
      Strike: 'xenioo.strike',
      Silence: 'xenioo.silence',
    });
  });

  it('is frozen', () => {
    expect(Object.isFrozen(XENIOO_EVENT_NAMES)).toBe(true);
  });
});
