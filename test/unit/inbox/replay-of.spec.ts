import { Logger } from '@nestjs/common';
import { beforeEach, describe, expect, it } from 'vitest';
import { InvalidXeniooEntry } from '../../../lib/events/invalid-xenioo.entry.js';
import { XeniooHandlerFailure } from '../../../lib/handlers/xenioo-handler.failure.js';
import {
  letterOfFailures,
  letterOfInvalid,
} from '../../../lib/inbox/dead-letter.js';
import { replayOf } from '../../../lib/inbox/replay-of.js';
import { XeniooDeadLetterError } from '../../../lib/xenioo.errors.js';
import { LogRecorder } from '../../support/log-recorder.js';
import { eventOf, receipt } from '../../support/receipt.js';

const { bot, receivedAt } = receipt();
const event = eventOf({ Type: 1 });
const NOW = {
  handlers: ['Crm.save', 'Desk.ring'],
  botNamed: (name: string) => (name === bot.name ? bot : undefined),
};

let logs: LogRecorder;

beforeEach(() => {
  logs = new LogRecorder();
  Logger.overrideLogger(logs);
});

describe('the letter of an event', () => {
  const letterOf = (...handlers: string[]) =>
    letterOfFailures(
      event,
      handlers.map(name => new XeniooHandlerFailure(event, name, 'down', 1)),
    );

  it('becomes the event again, for the handlers that gave up', () => {
    const replay = replayOf(letterOf('Crm.save', 'Desk.ring'), NOW);

    expect(replay).toEqual({
      entries: [event],
      handlers: ['Crm.save', 'Desk.ring'],
    });
    expect(logs.lines).toEqual([]);
  });

  it('becomes it for every handler where none is known to have given up', () => {
    const replay = replayOf(letterOf(), NOW);

    expect(replay).toEqual({ entries: [event] });
    expect(replay.handlers).toBeUndefined();
    expect(logs.lines).toEqual([]);
  });

  it('becomes it for those that exist, and the log tells of the others', () => {
    const letter = letterOf('Crm.gone', 'Crm.save');

    expect(replayOf(letter, NOW).handlers).toEqual(['Crm.save']);
    expect(logs.ofXenioo('warn')).toEqual([
      `dead letter ${event.id} stays for Crm.gone: no handler has this name any more. Was it renamed? Its option \`name\` keeps the old name`,
    ]);
  });

  it('can’t be replayed where none exists', () => {
    expect(() => replayOf(letterOf('Crm.gone', 'Desk.gone'), NOW)).toThrow(
      new XeniooDeadLetterError(
        `dead letter ${event.id} stays for Crm.gone, Desk.gone: no handler has this name any more. Was it renamed? Its option \`name\` keeps the old name`,
      ),
    );
  });
});

describe('the letter of what could not be understood', () => {
  const letterOf = (raw: unknown, name = bot.name) =>
    letterOfInvalid(
      new InvalidXeniooEntry('id', 'not-json', ['?'], raw, name, receivedAt),
    );

  it('becomes the events that it turned out to be, for every handler', () => {
    const replay = replayOf(letterOf('[{"Type":1},{"Type":8}]'), NOW);

    expect(replay).toMatchObject({
      entries: [{ typeName: 'user-message' }, { typeName: 'user-connected' }],
    });
    expect(replay.handlers).toBeUndefined();
  });

  it('becomes nothing where nothing is in it', () => {
    expect(replayOf(letterOf('[]'), NOW)).toEqual({ entries: [] });
  });

  it.each([
    ['[{"Type":1}', bot.name, /still not understood: the body is not JSON/],
    ['[{"Type":1},5]', bot.name, /still not understood: entry 1: must be an/],
    ['[{"Type":1}]', 'shop', /no bot is called shop any more/],
  ])('can’t be replayed as %j of bot %s', (raw, name, message) => {
    const replay = () => replayOf(letterOf(raw, name), NOW);

    expect(replay).toThrow(XeniooDeadLetterError);
    expect(replay).toThrow(message);
  });
});
