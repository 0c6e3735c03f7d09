import type { XeniooTask } from '../handlers/xenioo-task.js';
import { deadLetterOf, type XeniooRunRecord } from '../inbox/record-run.js';

/** Deaths of processes after which a task that ran each time becomes a dead letter. */
export const MAX_DEATHS = 3;

/** Returns the record of a task that is not run any more. */
export function recordDeaths(
  { entry, handler, attempts, carrier }: XeniooTask,
  deaths: number,
): XeniooRunRecord {
  const error = new Error(
    `the process ended ${deaths} times while ${handler ?? 'the handlers of the event'} ran: look for a promise whose rejection nobody handles, for process.exit(), and for what uses up the memory`,
  );
  const failed =
    handler === undefined
      ? { error, carrier }
      : { handler, attempts, error, carrier };
  return {
    retries: [],
    deadLetters: [{ letter: deadLetterOf(entry, failed), error }],
  };
}
