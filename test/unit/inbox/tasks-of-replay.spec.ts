import { describe, expect, it } from 'vitest';
import { InvalidXeniooEntry } from '../../../lib/events/invalid-xenioo.entry.js';
import { deadLetterOf } from '../../../lib/inbox/record-run.js';
import { tasksOfReplay } from '../../../lib/inbox/tasks-of-replay.js';
import type { XeniooBotSettings } from '../../../lib/options/xenioo.options.js';
import { XeniooDeadLetterError } from '../../../lib/xenioo.errors.js';
import { eventOf, invalidOf, createReceipt } from '../../support/entry-of.js';

const { bot, receivedAt } = createReceipt();
const event = eventOf({ Type: 1 });

const contextWith = (...bots: XeniooBotSettings[]) => ({
  hasHandler: (name: string) => name === 'Crm.save',
  botNamed: (name: string) => bots.find(other => other.name === name),
});

const context = contextWith(bot);

describe('tasksOfReplay() of an event', () => {
  it('returns a task of its handler without attempts', () => {
    const letter = deadLetterOf(event, { handler: 'Crm.save', attempts: 3 });

    expect(tasksOfReplay(letter, context)).toEqual([
      { entry: event, handler: 'Crm.save', attempts: 0 },
    ]);
  });

  it('keeps the carrier of the call', () => {
    const carrier = { traceparent: '00-1' };
    const letter = deadLetterOf(event, { handler: 'Crm.save', carrier });

    expect(tasksOfReplay(letter, context)).toMatchObject([{ carrier }]);
  });

  it('returns a first run when the letter has no handler', () => {
    expect(tasksOfReplay(deadLetterOf(event), context)).toEqual([
      { entry: event, attempts: 0 },
    ]);
  });

  it('throws when the handler no longer exists', () => {
    const letter = deadLetterOf(event, { handler: 'Crm.gone' });

    expect(() => tasksOfReplay(letter, context)).toThrow(
      new XeniooDeadLetterError(
        `dead letter ${letter.id} was not replayed: no handler is named Crm.gone. If it was renamed, set the option \`name\` of its decorator to the old name`,
      ),
    );
  });
});

describe('tasksOfReplay() of an invalid entry', () => {
  const letterOf = (
    raw: unknown,
    reason: InvalidXeniooEntry['reason'] = 'not-json',
    name = bot.name,
  ) =>
    deadLetterOf(
      new InvalidXeniooEntry('id', reason, ['?'], raw, name, receivedAt),
    );

  it('returns a first run for each event that is valid now', () => {
    const tasks = tasksOfReplay(letterOf('[{"Type":1},{"Type":8}]'), context);

    expect(tasks).toMatchObject([
      { entry: { typeName: 'user-message' }, attempts: 0 },
      { entry: { typeName: 'user-connected' }, attempts: 0 },
    ]);
    expect(tasks.some(task => task.handler !== undefined)).toBe(false);
  });

  it('keeps the id when the event has no date', () => {
    const [task] = tasksOfReplay(
      letterOf({ Type: 1, Data: 'a' }, 'invalid-fields'),
      context,
    );

    expect(task!.entry).toMatchObject({ id: 'id', text: 'a', bot: bot.name });
  });

  it('returns no task for an empty list', () => {
    expect(tasksOfReplay(letterOf('[]'), context)).toEqual([]);
  });

  it.each([
    [
      '[{"Type":1}',
      bot.name,
      /the entry is still invalid: the body is not valid J/,
    ],
    ['[{"Type":1},5]', bot.name, /the entry is still invalid: entry 1: must/],
    ['[{"Type":1}]', 'shop', /no bot in the options is named shop/],
  ])('throws for %j of bot %s', (raw, name, message) => {
    const replay = () =>
      tasksOfReplay(letterOf(raw, 'not-json', name), context);

    expect(replay).toThrow(XeniooDeadLetterError);
    expect(replay).toThrow(message);
  });

  it('checks the current token of the bot', () => {
    const support = { name: 'support', secrets: [] };
    const letter = deadLetterOf(
      invalidOf(
        { Type: 1, Data: 'a', BotToken: 'new' },
        { ...support, token: 'old' },
      ),
    );
    const replay = (token: string) =>
      tasksOfReplay(letter, contextWith({ ...support, token }));

    expect(() => replay('old')).toThrow('BotToken belongs to another bot');
    expect(replay('new')).toMatchObject([{ entry: { text: 'a' } }]);
  });
});

it('tasksOfReplay() sorts the events of a body by their dates', () => {
  const entry = (second: number) =>
    `{"Type":1,"ConversationId":"c1","Date":"2024-05-01T12:00:0${second}Z"}`;
  const letter = deadLetterOf(
    new InvalidXeniooEntry(
      'body',
      'too-many-entries',
      ['the body has more than 20000 entries'],
      `[${entry(2)},${entry(1)}]`,
      bot.name,
      receivedAt,
    ),
  );

  const seconds = tasksOfReplay(letter, context).map(({ entry: event }) =>
    'date' in event ? event.date?.getUTCSeconds() : undefined,
  );

  expect(seconds).toEqual([1, 2]);
});
