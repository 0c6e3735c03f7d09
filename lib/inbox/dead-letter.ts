import { describeError } from '../describe-error.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import type { XeniooHandlerFailure } from '../handlers/xenioo-handler.failure.js';
import { restoreEntry, storeEntry } from './stored-entry.js';

/** An event on which handlers gave up, or an entry that could not be understood. */
export interface XeniooDeadLetter {
  /** That of the event or the invalid entry. */
  readonly id: string;
  readonly kind: XeniooDeadLetterKind;
  /** An event, or an `InvalidXeniooEntry` where `kind` is `'invalid'`. */
  readonly entry: XeniooEntry;
  /** The handlers that gave up; none where `kind` is `'invalid'`. */
  readonly failures: readonly XeniooDeadLetterFailure[];
  /** When the last of it was written. */
  readonly deadLetteredAt: Date;
}

export type XeniooDeadLetterKind = 'event' | 'invalid';

/** A handler that gave up, and what its last attempt threw. */
export interface XeniooDeadLetterFailure {
  /** Name of the handler, as `'Crm.saveMessage'`. */
  readonly handler: string;
  readonly attempts: number;
  readonly error: { readonly message: string; readonly stack?: string };
}

/** The letter of an entry that could not be understood. */
export function letterOfInvalid(entry: InvalidXeniooEntry): XeniooDeadLetter {
  return letter(entry, []);
}

/** The letter of an event, given the failures that were written before. */
export function letterOfFailures(
  entry: XeniooEntry,
  failures: readonly XeniooHandlerFailure[],
  earlier: readonly XeniooDeadLetterFailure[] = [],
): XeniooDeadLetter {
  const failed = new Set(failures.map(({ handler }) => handler));
  return letter(entry, [
    ...earlier.filter(({ handler }) => !failed.has(handler)),
    ...failures.map(({ handler, attempts, error }) => ({
      handler,
      attempts,
      error: errorOf(error),
    })),
  ]);
}

/** The letter without the failures of these handlers; `undefined` where none is left. */
export function letterWithout(
  whole: XeniooDeadLetter,
  handlers: readonly string[] | undefined,
): XeniooDeadLetter | undefined {
  const failures = handlers
    ? whole.failures.filter(({ handler }) => !handlers.includes(handler))
    : [];
  return failures.length > 0 ? { ...whole, failures } : undefined;
}

function letter(
  entry: XeniooEntry,
  failures: readonly XeniooDeadLetterFailure[],
): XeniooDeadLetter {
  const kind = entry instanceof InvalidXeniooEntry ? 'invalid' : 'event';
  return { id: entry.id, kind, entry, failures, deadLetteredAt: new Date() };
}

function errorOf(error: unknown): XeniooDeadLetterFailure['error'] {
  const { message, stack } = describeError(error);
  return { message, ...(stack !== undefined && { stack }) };
}

/** A letter as text, of which {@link restoreLetter} makes the same. */
export function storeLetter({
  entry,
  failures,
  deadLetteredAt,
}: XeniooDeadLetter): string {
  return JSON.stringify({
    entry: storeEntry(entry),
    failures,
    deadLetteredAt: deadLetteredAt.getTime(),
  });
}

/** The letter that was stored. */
export function restoreLetter(text: string): XeniooDeadLetter {
  const stored = JSON.parse(text) as StoredLetter;
  const { entry, failures, deadLetteredAt } = stored;
  return {
    ...letter(restoreEntry(entry), failures),
    deadLetteredAt: new Date(deadLetteredAt),
  };
}

interface StoredLetter {
  readonly entry: string;
  readonly failures: XeniooDeadLetterFailure[];
  readonly deadLetteredAt: number;
}
