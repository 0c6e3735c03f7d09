import { Logger } from '@nestjs/common';
import { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import { reparseEntry } from '../events/reparse-entry.js';
import { XeniooEvent } from '../events/xenioo.event.js';
import { XeniooDeadLetterError } from '../xenioo.errors.js';
import type { XeniooBotSettings } from '../options/xenioo.options.js';
import type { XeniooDeadLetter } from './dead-letter.js';
import type { XeniooReplay } from './xenioo.dead-letter-store.js';

/** The bot of a name, if there is one. */
export type BotNamed = (name: string) => XeniooBotSettings | undefined;

/**
 * What a dead letter becomes, given the handlers and bots that there are now.
 * @throws {XeniooDeadLetterError} why it can't be replayed
 */
export function replayOf(
  { id, entry, failures }: XeniooDeadLetter,
  now: { readonly handlers: readonly string[]; readonly botNamed: BotNamed },
): XeniooReplay {
  if (entry instanceof InvalidXeniooEntry) {
    return { entries: eventsOf(entry, now.botNamed) };
  }
  // Its process ended again and again: who was to blame is not known.
  if (failures.length === 0) return { entries: [entry] };
  const failed = failures.map(({ handler }) => handler);
  const handlers = failed.filter(name => now.handlers.includes(name));
  const gone = failed.filter(name => !handlers.includes(name));
  const stays = `dead letter ${id} stays for ${gone.join(', ')}: no handler has this name any more. Was it renamed? Its option \`name\` keeps the old name`;
  if (handlers.length === 0) throw new XeniooDeadLetterError(stays);
  if (gone.length > 0) new Logger('Xenioo').warn(stays);
  return { entries: [entry], handlers };
}

/** @throws {XeniooDeadLetterError} when it is still not understood */
function eventsOf(
  entry: InvalidXeniooEntry,
  botNamed: BotNamed,
): XeniooEvent[] {
  const bot = botNamed(entry.bot);
  if (!bot) {
    throw new XeniooDeadLetterError(
      `dead letter ${entry.id} stays: no bot is called ${entry.bot} any more`,
    );
  }
  const entries = reparseEntry(entry, bot);
  const errors = entries.flatMap(parsed =>
    parsed instanceof InvalidXeniooEntry ? parsed.errors : [],
  );
  if (errors.length > 0) {
    throw new XeniooDeadLetterError(
      `dead letter ${entry.id} stays, it is still not understood: ${errors.join('; ')}`,
    );
  }
  return entries.filter(parsed => parsed instanceof XeniooEvent);
}
