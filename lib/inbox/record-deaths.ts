import type { XeniooTask } from '../handlers/xenioo-task.js';
import { deadLetterOf, type XeniooRunRecord } from './record-run.js';

/** Number of process deaths during a task after which it becomes a dead letter. */
export const MAX_DEATHS = 5;

/** Returns the record of a task that ended its process too often: it becomes a dead letter. */
export function recordDeaths(
  { entry, handler, attempts, carrier }: XeniooTask,
  deaths: number,
): XeniooRunRecord {
  const error = new Error(
    `the process ended ${deaths} times while ${handler ?? 'the handlers of the event'} ran: check for unhandled promise rejections, process.exit() and memory use`,
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
