import { describe, expect, it } from 'vitest';
import {
  BotMessageEvent,
  UnmatchedMessageEvent,
  UserMessageEvent,
  XeniooMessageEvent,
} from '../../../lib/events/xenioo.events.js';
import { eventOf, invalidOf } from '../../support/entry-of.js';

describe.each([
  [0, BotMessageEvent],
  [1, UserMessageEvent],
])('a message of type %i', (Type, eventClass) => {
  it('has a text and kinds', () => {
    const event = eventOf({
      Type,
      Data: 'Hello there!',
      ItemType: 'Text',
      ItemSubType: 'Plain',
    });

    expect(event).toBeInstanceOf(eventClass);
    expect(event).toBeInstanceOf(XeniooMessageEvent);
    expect(event).toMatchObject({
      text: 'Hello there!',
      itemType: 'Text',
      itemSubType: 'Plain',
    });
  });

  it('may lack each of them', () => {
    const event = eventOf({ Type, Data: null });

    for (const name of ['text', 'itemType', 'itemSubType']) {
      expect(event).not.toHaveProperty(name);
    }
  });

  it('may be an empty text, or a kind that nobody knows', () => {
    expect(eventOf({ Type, Data: '', ItemType: 'Hologram' })).toMatchObject({
      text: '',
      itemType: 'Hologram',
    });
  });

  it.each([
    ['Data', 5, 'a number'],
    ['Data', { text: 'Hi' }, 'an object'],
    ['Data', ['Hi'], 'a list'],
    ['ItemType', 0, 'a number'],
    ['ItemSubType', false, 'a boolean'],
  ])('is invalid where %s is %o', (field, value, kind) => {
    expect(invalidOf({ Type, [field]: value })).toMatchObject({
      reason: 'invalid-fields',
      errors: [`entry 0: ${field} must be a string, got ${kind}`],
    });
  });
});

describe('a message that was not detected', () => {
  it('has the text that was not detected', () => {
    const event = eventOf({ Type: 7, Text: 'Where is my parcel?' });

    expect(event).toBeInstanceOf(UnmatchedMessageEvent);
    expect(event).toHaveProperty('text', 'Where is my parcel?');
  });

  it.each([
    ['nothing', {}],
    ['nothing', { Text: null, Data: 'Where is my parcel?' }],
    ['a number', { Text: 7 }],
    ['an empty list', { Text: [] }],
  ])('is invalid with %s for a text', (kind, fields) => {
    expect(invalidOf({ Type: 7, ...fields }).errors).toEqual([
      `entry 0: Text must be a string, got ${kind}`,
    ]);
  });
});
