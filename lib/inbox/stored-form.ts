import { freezeEntry } from '../events/freeze-entry.js';
import {
  InvalidXeniooEntry,
  type InvalidXeniooReason,
} from '../events/invalid-xenioo.entry.js';
import { jsonText } from '../events/json-text.js';
import { parseEntry, type XeniooEntry } from '../events/parse-entry.js';
import type { XeniooCarrier } from '../events/xenioo-delivery.js';
import type { XeniooDeadLetter } from '../handlers/xenioo-dead-letter.js';
import type { XeniooTask } from '../handlers/xenioo-task.js';
import { isInvalidEntry } from '../events/xenioo-event.table.js';

/** Version of the stored form of tasks and dead letters. */
export const STORED_VERSION = 1;

interface StoredEntry {
  readonly id: string;
  readonly bot: string;
  readonly receivedAt: number;
  /** Present if the entry is invalid. */
  readonly invalid?: {
    readonly reason: InvalidXeniooReason;
    readonly errors: readonly string[];
  };
  readonly raw: unknown;
}

interface StoredTask {
  readonly v: number;
  readonly handler?: string;
  readonly attempts?: number;
  readonly carrier?: XeniooCarrier;
  readonly missingSince?: number;
  readonly entry: StoredEntry;
}

interface StoredLetter extends Pick<
  XeniooDeadLetter,
  'id' | 'handler' | 'attempts' | 'error' | 'carrier'
> {
  readonly v: number;
  readonly deadLetteredAt: number;
  readonly entry: StoredEntry;
}

/** Returns the stored form of a task: text that `restoreTask()` reads in any process. */
export function storeTask(task: XeniooTask): string {
  const { entry, handler, attempts, carrier, missingSince } = task;
  return serializeWithEntry(
    {
      v: STORED_VERSION,
      handler,
      attempts: attempts || undefined,
      carrier,
      missingSince,
    },
    entry,
  );
}

/**
 * Restores a stored task. An entry that this version of the module rejects is restored as an `InvalidXeniooEntry`.
 * @throws {Error} if the text is damaged, or has another version of the stored form
 */
export function restoreTask(text: string): XeniooTask {
  const { entry, attempts = 0, ...task } = parseStored<StoredTask>(text);
  return { ...task, attempts, entry: restoreEntry(entry) };
}

/** Returns the stored form of a dead letter: text that `restoreDeadLetter()` reads in any process. */
export function storeDeadLetter(letter: XeniooDeadLetter): string {
  const { id, entry, handler, attempts, error, carrier, deadLetteredAt } =
    letter;
  return serializeWithEntry(
    {
      v: STORED_VERSION,
      id,
      handler,
      attempts,
      error,
      carrier,
      deadLetteredAt: deadLetteredAt.getTime(),
    },
    entry,
  );
}

/**
 * Restores a stored dead letter.
 * @throws {Error} if the text is damaged, or has another version of the stored form
 */
export function restoreDeadLetter(text: string): XeniooDeadLetter {
  const {
    entry: stored,
    deadLetteredAt,
    ...letter
  } = parseStored<StoredLetter>(text);
  const entry = restoreEntry(stored);
  const kind = isInvalidEntry(entry) ? 'invalid' : 'event';
  return { ...letter, kind, entry, deadLetteredAt: new Date(deadLetteredAt) };
}

/** Parses stored text. The errors of `JSON.parse()` quote what people wrote, and errors are logged. */
function parseStored<S extends { readonly v: number }>(
  text: string,
): Omit<S, 'v'> {
  let stored: S | undefined;
  try {
    stored = JSON.parse(text) as S;
  } catch {
    throw new Error('the stored text is not valid JSON');
  }
  const { v, ...fields } = stored;
  if (v === STORED_VERSION) return fields;
  const found = typeof v === 'number' ? v : 'another value';
  throw new Error(
    `expected version ${STORED_VERSION} of the stored form, got ${found}: another version of nestjs-xenioo wrote it`,
  );
}

/** Returns the JSON of an object with the given fields and an entry. Keeps the numbers that `JSON.stringify()` changes, such as `1e999` and `-0`. */
function serializeWithEntry(fields: object, entry: XeniooEntry): string {
  const { id, bot, receivedAt, raw } = entry;
  const invalid = isInvalidEntry(entry) && {
    invalid: { reason: entry.reason, errors: entry.errors },
  };
  // Joining texts takes half as long as serializing an object with these fields.
  const head = JSON.stringify(fields).slice(0, -1);
  const reason = invalid ? `${JSON.stringify(invalid).slice(1, -1)},` : '';
  return `${head},"entry":{"id":${JSON.stringify(id)},"bot":${JSON.stringify(bot)},"receivedAt":${receivedAt.getTime()},${reason}"raw":${jsonText(raw)}}}`;
}

function restoreEntry(stored: StoredEntry): XeniooEntry {
  const { id, bot, receivedAt, raw, invalid } = stored;
  const received = new Date(receivedAt);
  if (invalid) {
    freezeEntry(raw);
    const { reason, errors } = invalid;
    return new InvalidXeniooEntry(id, reason, errors, raw, bot, received);
  }
  return parseEntry(
    raw,
    // The token was checked when the entry was received.
    { bot: { name: bot }, receivedAt: received },
    { index: 0, id, text: () => jsonText(raw) },
  );
}
