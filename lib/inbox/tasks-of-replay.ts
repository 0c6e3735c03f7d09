import type { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import { reparseEntry } from '../events/reparse-entry.js';
import type { XeniooDeadLetter } from '../handlers/xenioo-dead-letter.js';
import type { XeniooTask } from '../handlers/xenioo-task.js';
import type { XeniooBotSettings } from '../options/xenioo.options.js';
import { inOrderOfDate } from './entries.js';
import { XeniooDeadLetterError } from '../xenioo.errors.js';
import { isInvalidEntry } from '../events/xenioo-event.table.js';

/** The handlers and bots of the application as they are now. */
export interface Present {
  hasHandler(name: string): boolean;
  botNamed(name: string): XeniooBotSettings | undefined;
}

/**
 * Turns a dead letter into the tasks that replay it.
 * @throws {XeniooDeadLetterError} when it can't be replayed
 */
export function tasksOfReplay(
  { id, entry, handler, carrier }: XeniooDeadLetter,
  present: Present,
): XeniooTask[] {
  if (isInvalidEntry(entry)) {
    const events = inOrderOfDate(eventsOf(entry, present));
    return events.map(event => ({ entry: event, attempts: 0, carrier }));
  }
  if (handler !== undefined && !present.hasHandler(handler)) {
    throw new XeniooDeadLetterError(
      `dead letter ${id} stays: no handler is named ${handler}. If it was renamed, set the option \`name\` of its decorator to the old name`,
    );
  }
  return [{ entry, handler, attempts: 0, carrier }];
}

/** @throws {XeniooDeadLetterError} when the entry is still invalid */
function eventsOf(
  invalid: InvalidXeniooEntry,
  present: Present,
): XeniooEntry[] {
  const { id } = invalid;
  const bot = present.botNamed(invalid.bot);
  if (!bot) {
    throw new XeniooDeadLetterError(
      `dead letter ${id} stays: no bot is named ${invalid.bot} in the options`,
    );
  }
  const entries = reparseEntry(invalid, bot);
  const errors = entries.flatMap(parsed =>
    isInvalidEntry(parsed) ? parsed.errors : [],
  );
  if (errors.length > 0) {
    throw new XeniooDeadLetterError(
      `dead letter ${id} stays: the entry is still invalid: ${errors.join('; ')}`,
    );
  }
  return entries;
}
