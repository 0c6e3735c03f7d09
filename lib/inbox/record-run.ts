import { describeError } from '../describe-error.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import type { XeniooCarrier } from '../events/xenioo-delivery.js';
import type { XeniooDeadLetter } from '../handlers/xenioo-dead-letter.js';
import type {
  XeniooHandlerResult,
  XeniooTask,
} from '../handlers/xenioo-task.js';
import { isInvalidEntry } from '../events/xenioo-event.table.js';

/** A task that runs again later. */
export interface XeniooRetry {
  readonly task: XeniooTask;
  /** Time of the next run, in milliseconds since 1970. */
  readonly dueAt: number;
}

/** Retries and dead letters of a run. An inbox stores them in the commit that removes the task. */
export interface XeniooRunRecord {
  readonly retries: readonly XeniooRetry[];
  /** Dead letters to store, each with the error that was thrown. Pass both to `runner.announce()` afterwards. */
  readonly deadLetters: readonly {
    readonly letter: XeniooDeadLetter;
    readonly error?: unknown;
  }[];
}

const EMPTY_RECORD: XeniooRunRecord = { retries: [], deadLetters: [] };

/** Returns the retries and dead letters that follow from the results of a run. An invalid entry becomes a dead letter. */
export function recordRun(
  task: XeniooTask,
  results: readonly XeniooHandlerResult[],
): XeniooRunRecord {
  const { entry, carrier } = task;
  if (isInvalidEntry(entry)) {
    const letter = deadLetterOf(entry, { carrier });
    return { retries: [], deadLetters: [{ letter }] };
  }
  if (results.every(({ status }) => status === 'done')) return EMPTY_RECORD;
  const retries: XeniooRetry[] = [];
  const deadLetters: XeniooRunRecord['deadLetters'][number][] = [];
  for (const result of results) {
    const { handler, attempts } = result;
    if (result.status === 'retry') {
      const { retryAt, missingSince } = result;
      const task = { entry, handler, attempts, carrier, missingSince };
      retries.push({ task, dueAt: retryAt });
    } else if (result.status === 'failed') {
      const { error } = result;
      const letter = deadLetterOf(entry, {
        handler,
        attempts,
        error,
        carrier,
      });
      deadLetters.push({ letter, error });
    }
  }
  return { retries, deadLetters };
}

/** Creates a dead letter for one failed handler, or for the whole entry if no handler is given. */
export function deadLetterOf(
  entry: XeniooEntry,
  failure: {
    readonly handler?: string;
    readonly attempts?: number;
    readonly error?: unknown;
    readonly carrier?: XeniooCarrier | undefined;
  } = {},
): XeniooDeadLetter {
  const { handler, attempts, carrier } = failure;
  return {
    id: handler === undefined ? entry.id : `${entry.id}.${handler}`,
    kind: isInvalidEntry(entry) ? 'invalid' : 'event',
    entry,
    ...(handler !== undefined && { handler }),
    ...(attempts !== undefined && { attempts }),
    // Checks for the field, since a handler may throw undefined.
    ...('error' in failure && { error: storedError(failure.error) }),
    ...(carrier !== undefined && { carrier }),
    deadLetteredAt: new Date(),
  };
}

function storedError(error: unknown): NonNullable<XeniooDeadLetter['error']> {
  const { message, stack } = describeError(error);
  return { message, ...(stack !== undefined && { stack }) };
}
