import type { XeniooEntry } from '../events/parse-entry.js';
import { ticksWithinMs } from '../events/wire-date.js';
import { isInvalidEntry } from '../events/xenioo-event.table.js';

/** Returns a key of the conversation that an entry belongs to; `undefined` if it belongs to none. Events with the same key are handled one after another. */
export function conversationOf(entry: XeniooEntry): string | undefined {
  if (isInvalidEntry(entry)) return undefined;
  const { bot, conversationId } = entry;
  // The key is unique, since the name of a bot contains no control character.
  return conversationId === undefined ? undefined : `${bot}\0${conversationId}`;
}

/** Returns the id by which duplicates of an entry are recognised, a SHA-256 digest in base64url; `undefined` if it is not an event with a `Date`. */
export function dedupeId(entry: XeniooEntry): string | undefined {
  return isInvalidEntry(entry) || entry.date === undefined
    ? undefined
    : entry.id;
}

/**
 * Sorts the dated entries of each conversation in a call by their dates, including
 * the digits below a millisecond. All other entries keep their positions.
 */
export function inOrderOfDate(
  entries: readonly XeniooEntry[],
): readonly XeniooEntry[] {
  if (entries.length < 2) return entries;
  const compare = comparePositions(entries);
  if (!compare) return entries;
  const ordered = [...entries];
  for (const positions of positionsByConversation(entries).values()) {
    if (positions.length < 2) continue;
    for (const [index, from] of positions.toSorted(compare).entries()) {
      ordered[positions[index]!] = entries[from]!;
    }
  }
  return ordered;
}

/** Returns a function that compares the dates of the entries at two positions; `undefined` if the entries are in order already. */
function comparePositions(
  entries: readonly XeniooEntry[],
): ((one: number, other: number) => number) | undefined {
  const milliseconds = new Float64Array(entries.length);
  // Units of 100 ns, kept apart: one number has too few digits for both.
  const ticks = new Int32Array(entries.length);
  const compare = (one: number, other: number): number =>
    milliseconds[one]! - milliseconds[other]! || ticks[one]! - ticks[other]!;
  let previous = -1;
  let isInOrder = true;
  for (let position = 0; position < entries.length; position++) {
    const entry = entries[position]!;
    if (isInvalidEntry(entry) || !entry.date) continue;
    milliseconds[position] = entry.date.getTime();
    ticks[position] = ticksWithinMs((entry.raw as { Date: string }).Date);
    if (previous >= 0 && compare(previous, position) > 0) isInOrder = false;
    previous = position;
  }
  return isInOrder ? undefined : compare;
}

/** Groups the positions of dated entries by conversation id. All entries of a call have the same bot. */
function positionsByConversation(
  entries: readonly XeniooEntry[],
): Map<string, number[]> {
  const conversations = new Map<string, number[]>();
  for (let position = 0; position < entries.length; position++) {
    const entry = entries[position]!;
    if (isInvalidEntry(entry) || !entry.date) continue;
    const { conversationId } = entry;
    if (conversationId === undefined) continue;
    const positions = conversations.get(conversationId);
    if (positions) positions.push(position);
    else conversations.set(conversationId, [position]);
  }
  return conversations;
}
