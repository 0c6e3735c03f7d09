import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { describe, expect, it } from 'vitest';
import { WireDate, WireText } from '../../../lib/events/wire.decorators.js';
import { WIRE_FIELDS, type WireEntry } from '../../../lib/events/wire-entry.js';

class Message {
  @WireText('Data')
  readonly words?: string;

  @WireText('Text', { required: true })
  readonly missed!: string;

  @WireDate('Date')
  readonly at?: Date;
}

function parseMessage(entry: WireEntry) {
  const message = plainToInstance(Message, entry, {
    excludeExtraneousValues: true,
    exposeUnsetFields: false,
  });
  const errors = validateSync(message).flatMap(({ constraints = {} }) =>
    Object.values(constraints),
  );
  return { message, errors };
}

it('WIRE_FIELDS lists the fields in the order in which they are hashed', () => {
  expect(WIRE_FIELDS).toEqual([
    'Type',
    'ItemType',
    'ItemSubType',
    'Data',
    'Date',
    'BotToken',
    'AccountName',
    'ConversationId',
    'UserName',
    'Channel',
    'Text',
    'Name',
    'Key',
  ]);
});

describe('@WireText() and @WireDate()', () => {
  it('read a field by its name on the wire', () => {
    expect(
      parseMessage({
        Data: 'Hi',
        Text: 'x',
        Date: '2019-07-10T15:47:58.5750058Z',
      }),
    ).toEqual({
      errors: [],
      message: {
        words: 'Hi',
        missed: 'x',
        at: new Date('2019-07-10T15:47:58.575Z'),
      },
    });
  });

  it('accept an absent field', () => {
    const { message, errors } = parseMessage({ Text: 'x' });

    expect(errors).toEqual([]);
    expect(Object.keys(message)).toEqual(['missed']);
  });

  it('reject an absent field that is required', () => {
    expect(parseMessage({}).errors).toEqual([
      'Text must be a string, got nothing',
    ]);
  });
});

describe('@WireText() and @WireDate() errors', () => {
  it.each([
    [5, 'a number'],
    [false, 'a boolean'],
    [['Anna'], 'a list'],
    [{ name: 'Anna' }, 'an object'],
  ])('name the type of %o without its value', (Data, kind) => {
    expect(parseMessage({ Data, Text: 'x' }).errors).toEqual([
      `Data must be a string, got ${kind}`,
    ]);
  });

  it.each([
    ['2019-02-30', 'a string'],
    [1_562_773_678_575, 'a number'],
    [{}, 'an object'],
  ])('report %o as an invalid date', (date, kind) => {
    expect(parseMessage({ Date: date, Text: 'x' }).errors).toEqual([
      `Date must be a valid ISO 8601 date, got ${kind}`,
    ]);
  });
});
