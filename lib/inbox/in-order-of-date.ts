import { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import type { XeniooEntry } from '../events/parse-entry.js';

/** What must be handled one after another has one conversation; `undefined` is free. */
export function conversationOf(entry: XeniooEntry): string | undefined {
  if (entry instanceof InvalidXeniooEntry) return undefined;
  if (entry.conversationId === undefined) return undefined;
  return JSON.stringify([entry.bot, entry.conversationId]);
}

/**
 * Puts the dated entries of each conversation in the order of their dates, to
 * the last digit. All others, undated ones too, keep their places.
 */
export function inOrderOfDate(entries: readonly XeniooEntry[]): XeniooEntry[] {
  const places = new Map<string, number[]>();
  for (const [place, entry] of entries.entries()) {
    const conversation = conversationOf(entry);
    if (conversation === undefined || dateOf(entry) === undefined) continue;
    const others = places.get(conversation);
    if (others) others.push(place);
    else places.set(conversation, [place]);
  }
  const ordered = [...entries];
  for (const taken of places.values()) {
    if (taken.length < 2) continue;
    const sorted = taken.map(place => entries[place]!).toSorted(byDate);
    for (const [index, place] of taken.entries()) {
      ordered[place] = sorted[index]!;
    }
  }
  return ordered;
}

function dateOf(entry: XeniooEntry): Date | undefined {
  return entry instanceof InvalidXeniooEntry ? undefined : entry.date;
}

function byDate(one: XeniooEntry, other: XeniooEntry): number {
  const ms = Number(dateOf(one)) - Number(dateOf(other));
  return ms || finerThanMs(one) - finerThanMs(other);
}

/** What a `Date` does not keep of the date on the wire: its digits after the third. */
function finerThanMs({ raw }: XeniooEntry): number {
  const { Date: date } = raw as { Date: string };
  const digits = /\.\d{3}(\d+)/.exec(date)?.[1];
  return digits === undefined ? 0 : Number(`0.${digits}`);
}
