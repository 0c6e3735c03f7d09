import { Logger } from '@nestjs/common';
import type { XeniooTask } from '../handlers/xenioo-task.js';
import { deadLetterOf, type XeniooRunRecord } from './record-run.js';

const logger = new Logger('Xenioo');

/** Number of process deaths during a task after which it becomes a dead letter. */
export const MAX_DEATHS = 5;

/** Logs that a task runs again although the process has ended while it ran. */
export function warnOfDeaths(
  { entry }: XeniooTask,
  deaths: number,
  maxDeaths = MAX_DEATHS,
): void {
  logger.warn(
    `Event ${entry.id} runs again, although the process ended while it ran (counted so far: ${deaths}; after ${maxDeaths} it becomes a dead letter). It may be due to this event or to one beside it: check for unhandled promise rejections, process.exit() and memory use.`,
  );
}

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
