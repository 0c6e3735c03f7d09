import type { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import { reparseEntry } from '../events/reparse-entry.js';
import type { XeniooDeadLetter } from '../handlers/xenioo-dead-letter.js';
import type { XeniooTask } from '../handlers/xenioo-task.js';
import type { XeniooBotSettings } from '../options/xenioo.options.js';
import { inOrderOfDate } from './entries.js';
import { XeniooDeadLetterError } from '../xenioo.errors.js';
import { isInvalidEntry } from '../events/xenioo-event.table.js';

/** Current handlers and bots of the application. */
export interface ReplayContext {
  hasHandler(name: string): boolean;
  botNamed(name: string): XeniooBotSettings | undefined;
}

/**
 * Returns the tasks that replay a dead letter.
 * @throws {XeniooDeadLetterError} if its handler or bot does not exist, or its entry is still invalid
 */
export function tasksOfReplay(
  { id, entry, handler, carrier }: XeniooDeadLetter,
  context: ReplayContext,
): XeniooTask[] {
  if (isInvalidEntry(entry)) {
    const events = inOrderOfDate(parseAgain(entry, context));
    return events.map(event => ({ entry: event, attempts: 0, carrier }));
  }
  if (handler !== undefined && !context.hasHandler(handler)) {
    throw new XeniooDeadLetterError(
      `dead letter ${id} was not replayed: no handler is named ${handler}. If it was renamed, set the option \`name\` of its decorator to the old name`,
    );
  }
  return [{ entry, handler, attempts: 0, carrier }];
}

/** @throws {XeniooDeadLetterError} if the bot of the entry does not exist, or the entry is still invalid */
function parseAgain(
  invalid: InvalidXeniooEntry,
  context: ReplayContext,
): XeniooEntry[] {
  const { id } = invalid;
  const bot = context.botNamed(invalid.bot);
  if (!bot) {
    throw new XeniooDeadLetterError(
      `dead letter ${id} was not replayed: no bot in the options is named ${invalid.bot}`,
    );
  }
  const entries = reparseEntry(invalid, bot);
  const errors = entries.flatMap(parsed =>
    isInvalidEntry(parsed) ? parsed.errors : [],
  );
  if (errors.length > 0) {
    throw new XeniooDeadLetterError(
      `dead letter ${id} was not replayed: the entry is still invalid: ${errors.join('; ')}`,
    );
  }
  return entries;
}
