import { describeError } from '../describe-error.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import type { XeniooCarrier } from '../events/xenioo-delivery.js';
import type { XeniooDeadLetter } from '../handlers/xenioo-dead-letter.js';
import type {
  XeniooHandlerResult,
  XeniooTask,
} from '../handlers/xenioo-task.js';
import { isInvalidEntry } from '../events/xenioo-event.table.js';

/** A task that is not to run before its time. */
export interface XeniooRetry {
  readonly task: XeniooTask;
  /** In milliseconds since 1970. */
  readonly dueAt: number;
}

/** Retries and dead letters that an inbox records in one commit with removing the task. */
export interface XeniooRunRecord {
  readonly retries: readonly XeniooRetry[];
  /** Dead letters to store, each with what was thrown: `runner.announce()` takes both afterwards. */
  readonly deadLetters: readonly {
    readonly letter: XeniooDeadLetter;
    readonly error?: unknown;
  }[];
}

const NOTHING: XeniooRunRecord = { retries: [], deadLetters: [] };

/** Turns the results of a run into what an inbox records of it. An invalid entry becomes a dead letter. */
export function recordRun(
  task: XeniooTask,
  results: readonly XeniooHandlerResult[],
): XeniooRunRecord {
  const { entry, carrier } = task;
  if (isInvalidEntry(entry)) {
    const letter = deadLetterOf(entry, { carrier });
    return { retries: [], deadLetters: [{ letter }] };
  }
  if (results.every(({ status }) => status === 'done')) return NOTHING;
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

/** Makes the dead letter of an entry: of one failed handler, or of the entry as a whole. */
export function deadLetterOf(
  entry: XeniooEntry,
  failed: {
    readonly handler?: string;
    readonly attempts?: number;
    readonly error?: unknown;
    readonly carrier?: XeniooCarrier | undefined;
  } = {},
): XeniooDeadLetter {
  const { handler, attempts, carrier } = failed;
  return {
    id: handler === undefined ? entry.id : `${entry.id}.${handler}`,
    kind: isInvalidEntry(entry) ? 'invalid' : 'event',
    entry,
    ...(handler !== undefined && { handler }),
    ...(attempts !== undefined && { attempts }),
    // A handler may throw undefined.
    ...('error' in failed && { error: storedError(failed.error) }),
    ...(carrier !== undefined && { carrier }),
    deadLetteredAt: new Date(),
  };
}

function storedError(error: unknown): NonNullable<XeniooDeadLetter['error']> {
  const { message, stack } = describeError(error);
  return { message, ...(stack !== undefined && { stack }) };
}
