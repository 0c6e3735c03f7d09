import {
  InvalidXeniooEntry,
  type InvalidXeniooReason,
} from '../events/invalid-xenioo.entry.js';
import { freezeEntry } from '../events/freeze-entry.js';
import { jsonText } from '../events/json-text.js';
import { parseEntry, type XeniooEntry } from '../events/parse-entry.js';

interface StoredEntry {
  readonly id: string;
  readonly bot: string;
  readonly receivedAt: number;
  readonly raw: unknown;
  /** Of an entry that was not understood. */
  readonly invalid?: {
    readonly reason: InvalidXeniooReason;
    readonly errors: readonly string[];
  };
}

/** An entry as text, as it came and with what was added at receipt: the same can be made of it in any process. */
export function storeEntry(entry: XeniooEntry): string {
  const { id, bot, receivedAt, raw } = entry;
  const added: Omit<StoredEntry, 'raw'> = {
    id,
    bot,
    receivedAt: receivedAt.getTime(),
    ...(entry instanceof InvalidXeniooEntry && {
      invalid: { reason: entry.reason, errors: entry.errors },
    }),
  };
  return `${JSON.stringify(added).slice(0, -1)},"raw":${jsonText(raw)}}`;
}

/** The entry that was stored, parsed again: one that this version does not understand is invalid. */
export function restoreEntry(text: string): XeniooEntry {
  const { id, bot, receivedAt, raw, invalid } = JSON.parse(text) as StoredEntry;
  const received = new Date(receivedAt);
  if (invalid) {
    freezeEntry(raw);
    const { reason, errors } = invalid;
    return new InvalidXeniooEntry(id, reason, errors, raw, bot, received);
  }
  return parseEntry(
    raw,
    // Whether its token was the right one was seen when it was received.
    { bot: { name: bot, secrets: [] }, receivedAt: received },
    { index: 0, id, text: () => jsonText(raw) },
  );
}

/** Whether an entry was understood when it was stored. */
export function wasUnderstood(text: string): boolean {
  return (JSON.parse(text) as StoredEntry).invalid === undefined;
}
