import { describe, expect, it } from 'vitest';
import { XeniooEvent } from '../../../lib/events/xenioo.event.js';
import { eventOf, invalidOf } from '../../support/receipt.js';

const TYPES = [0, 1, 2, 8, 9, 10, 11, 12, 13, 99];

describe.each(TYPES)('an event of type %i', Type => {
  it('has what Xenioo tells of every event', () => {
    const event = eventOf({
      Type,
      Date: '2019-07-10T15:47:58.5750058+02:00',
      BotToken: 't1',
      AccountName: 'Matelab Srl',
      ConversationId: 'c1',
      UserName: 'Anna',
      Channel: 'TelegramChannel',
    });

    expect(event).toBeInstanceOf(XeniooEvent);
    expect(event).toMatchObject({
      type: Type,
      date: new Date('2019-07-10T13:47:58.575Z'),
      botToken: 't1',
      accountName: 'Matelab Srl',
      conversationId: 'c1',
      userName: 'Anna',
      channel: 'TelegramChannel',
      variables: {},
    });
  });

  it('needs nothing but its type', () => {
    const empty = {
      Type,
      Date: null,
      BotToken: null,
      AccountName: null,
      ConversationId: null,
      UserName: null,
      Channel: null,
    };

    for (const entry of [{ Type }, empty]) {
      expect(Object.keys(eventOf(entry)).toSorted()).toEqual([
        'bot',
        'id',
        'raw',
        'receivedAt',
        'type',
        'typeName',
        'variables',
      ]);
    }
  });

  it.each([
    '2009-W01-1',
    '',
    1_562_773_678,
    `2019-07-10T00:00:00.${'0'.repeat(50)}Z`,
  ])('has a date that exists, or is invalid: %o', date => {
    expect(invalidOf({ Type, Date: date })).toMatchObject({
      reason: 'invalid-fields',
      errors: [
        expect.stringMatching(/^entry 0: Date must be a date in ISO 8601/),
      ],
    });
  });
});
