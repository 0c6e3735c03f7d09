import { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import type { XeniooEntry } from '../events/parse-entry.js';

/** What must be handled one after another has one conversation; `undefined` is free. */
export function conversationOf(entry: XeniooEntry): string | undefined {
  if (entry instanceof InvalidXeniooEntry) return undefined;
  const { bot, conversationId } = entry;
  // The length says where the name of the bot ends.
  return conversationId === undefined
    ? undefined
    : `${bot.length} ${bot}${conversationId}`;
}

/**
 * Puts the dated entries of each conversation in the order of their dates, to
 * the last digit. All others, undated ones too, keep their places.
 */
export function inOrderOfDate(
  entries: readonly XeniooEntry[],
): readonly XeniooEntry[] {
  return areInOrder(entries) ? entries : ordered(entries);
}

/** Whether they are as they came, all conversations together: as a rule they are. */
function areInOrder(entries: readonly XeniooEntry[]): boolean {
  let last: XeniooEntry | undefined;
  let lastMs = -Infinity;
  for (const entry of entries) {
    const ms = dateOf(entry)?.getTime();
    if (ms === undefined) continue;
    if (ms < lastMs) return false;
    if (ms === lastMs && finerThanMs(entry) < finerThanMs(last!)) return false;
    last = entry;
    lastMs = ms;
  }
  return true;
}

function ordered(entries: readonly XeniooEntry[]): XeniooEntry[] {
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
    const sorted = taken.map(place => dated(entries[place]!)).toSorted(byDate);
    for (const [index, place] of taken.entries()) {
      ordered[place] = sorted[index]!.entry;
    }
  }
  return ordered;
}

function dateOf(entry: XeniooEntry): Date | undefined {
  return entry instanceof InvalidXeniooEntry ? undefined : entry.date;
}

/** An entry with what it is sorted by, read once. */
interface Dated {
  readonly entry: XeniooEntry;
  readonly ms: number;
  readonly finer: number;
}

function dated(entry: XeniooEntry): Dated {
  return { entry, ms: Number(dateOf(entry)), finer: finerThanMs(entry) };
}

function byDate(one: Dated, other: Dated): number {
  return one.ms - other.ms || one.finer - other.finer;
}

const ZERO = 48;
const NINE = 57;

/** What a `Date` does not keep of the date on the wire: its digits after the third, as a fraction. */
function finerThanMs({ raw }: XeniooEntry): number {
  const { Date: date } = raw as { Date: string };
  let at = date.indexOf('.') + 1;
  if (at === 0) return 0;
  let fraction = 0;
  let weight = 1;
  for (at += 3; at < date.length; at++) {
    const code = date.charCodeAt(at);
    if (code < ZERO || code > NINE) break;
    weight /= 10;
    fraction += (code - ZERO) * weight;
  }
  return fraction;
}
