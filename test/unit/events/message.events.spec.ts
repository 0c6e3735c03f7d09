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
  it('is an event with a text and item types', () => {
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

  it('requires none of them', () => {
    const event = eventOf({ Type, Data: null });

    for (const name of ['text', 'itemType', 'itemSubType']) {
      expect(event).not.toHaveProperty(name);
    }
  });

  it('accepts an empty text and an unknown item type', () => {
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
  ])('is invalid when %s is %o', (field, value, kind) => {
    expect(invalidOf({ Type, [field]: value })).toMatchObject({
      reason: 'invalid-fields',
      errors: [`entry 0: ${field} must be a string, got ${kind}`],
    });
  });
});

describe('an entry of an unmatched message', () => {
  it('is an event with the unmatched text', () => {
    const event = eventOf({ Type: 7, Text: 'Where is my parcel?' });

    expect(event).toBeInstanceOf(UnmatchedMessageEvent);
    expect(event).toHaveProperty('text', 'Where is my parcel?');
  });

  it.each([
    ['nothing', {}],
    ['nothing', { Text: null, Data: 'Where is my parcel?' }],
    ['a number', { Text: 7 }],
    ['an empty list', { Text: [] }],
  ])('is invalid when Text is %s', (kind, fields) => {
    expect(invalidOf({ Type: 7, ...fields }).errors).toEqual([
      `entry 0: Text must be a string, got ${kind}`,
    ]);
  });
});
