import type { XeniooEntry } from '../events/parse-entry.js';
import { ticksWithinMs } from '../events/wire-date.js';
import { isInvalidEntry } from '../events/xenioo-event.table.js';

/** Returns what entries that must be handled one after another have in common; `undefined` for those that wait for nothing. */
export function conversationOf(entry: XeniooEntry): string | undefined {
  if (isInvalidEntry(entry)) return undefined;
  const { bot, conversationId } = entry;
  // The name of a bot holds no control character.
  return conversationId === undefined ? undefined : `${bot}\0${conversationId}`;
}

/** Returns the id by which an entry is recognised when it comes again: that of an event with a `Date`. */
export function dedupeId(entry: XeniooEntry): string | undefined {
  return isInvalidEntry(entry) || entry.date === undefined
    ? undefined
    : entry.id;
}

/**
 * Puts the dated entries of each conversation of a call in the order of their
 * dates, to the last digit. All other entries keep their places.
 */
export function inOrderOfDate(
  entries: readonly XeniooEntry[],
): readonly XeniooEntry[] {
  const compare = comparisonOf(entries);
  if (!compare) return entries;
  const ordered = [...entries];
  for (const places of placesByConversation(entries).values()) {
    if (places.length < 2) continue;
    for (const [index, from] of places.toSorted(compare).entries()) {
      ordered[places[index]!] = entries[from]!;
    }
  }
  return ordered;
}

/** Returns what compares the places of two dated entries; nothing where all are in order already. */
function comparisonOf(
  entries: readonly XeniooEntry[],
): ((one: number, other: number) => number) | undefined {
  const times = new Float64Array(entries.length);
  // Not added to the times: a number has too few digits for both.
  const ticks = new Int32Array(entries.length);
  const compare = (one: number, other: number): number =>
    times[one]! - times[other]! || ticks[one]! - ticks[other]!;
  let last = -1;
  let isInOrder = true;
  for (let place = 0; place < entries.length; place++) {
    const entry = entries[place]!;
    if (isInvalidEntry(entry) || !entry.date) continue;
    times[place] = entry.date.getTime();
    ticks[place] = ticksWithinMs((entry.raw as { Date: string }).Date);
    if (last >= 0 && compare(last, place) > 0) isInOrder = false;
    last = place;
  }
  return isInOrder ? undefined : compare;
}

/** All entries of a call have one bot. */
function placesByConversation(
  entries: readonly XeniooEntry[],
): Map<string, number[]> {
  const conversations = new Map<string, number[]>();
  for (let place = 0; place < entries.length; place++) {
    const entry = entries[place]!;
    if (isInvalidEntry(entry) || !entry.date) continue;
    const { conversationId } = entry;
    if (conversationId === undefined) continue;
    const places = conversations.get(conversationId);
    if (places) places.push(place);
    else conversations.set(conversationId, [place]);
  }
  return conversations;
}
