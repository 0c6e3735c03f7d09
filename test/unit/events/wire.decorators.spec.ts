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

function read(entry: WireEntry) {
  const message = plainToInstance(Message, entry, {
    excludeExtraneousValues: true,
    exposeUnsetFields: false,
  });
  const errors = validateSync(message).flatMap(({ constraints = {} }) =>
    Object.values(constraints),
  );
  return { message, errors };
}

it('lists the fields in the order in which they are hashed to ids', () => {
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

describe('a field', () => {
  it('is read from its name on the wire', () => {
    expect(
      read({ Data: 'Hi', Text: 'x', Date: '2019-07-10T15:47:58.5750058Z' }),
    ).toEqual({
      errors: [],
      message: {
        words: 'Hi',
        missed: 'x',
        at: new Date('2019-07-10T15:47:58.575Z'),
      },
    });
  });

  it('may be absent', () => {
    const { message, errors } = read({ Text: 'x' });

    expect(errors).toEqual([]);
    expect(Object.keys(message)).toEqual(['missed']);
  });

  it('may not be absent where it is required', () => {
    expect(read({}).errors).toEqual(['Text must be a string, got nothing']);
  });
});

describe('the error of a field', () => {
  it.each([
    [5, 'a number'],
    [false, 'a boolean'],
    [['Anna'], 'a list'],
    [{ name: 'Anna' }, 'an object'],
  ])('names the kind of %o, and never the value', (Data, kind) => {
    expect(read({ Data, Text: 'x' }).errors).toEqual([
      `Data must be a string, got ${kind}`,
    ]);
  });

  it.each([
    ['2019-02-30', 'a string'],
    [1_562_773_678_575, 'a number'],
    [{}, 'an object'],
  ])('tells that %o is no date', (date, kind) => {
    expect(read({ Date: date, Text: 'x' }).errors).toEqual([
      `Date must be a valid ISO 8601 date, got ${kind}`,
    ]);
  });
});
