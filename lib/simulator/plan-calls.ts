import type { SeededRandom } from './seeded-random.js';

/** Number of neighbouring entries that are shuffled, since a queue does not mix distant ones. */
const SHUFFLE_WINDOW = 50;

/** Upper bound of the calls between a call and its repetition. */
const MAX_REPEAT_DISTANCE = 20;

/** A call to make. */
export interface PlannedCall {
  /** A string or bytes as they are, anything else as JSON. */
  readonly body: unknown;
  /** Headers of this call alone; `null` removes one of the sender's. */
  readonly headers?: Readonly<Record<string, string | null>>;
  readonly events: number;
  readonly isRepeated: boolean;
}

/** Options of turning entries into calls. */
export interface CallPlan {
  /**
   * Upper bound of the entries in a call, which is then an array.
   * @default one entry per call, as an object
   */
  readonly grouped?: number;
  /**
   * Sends entries out of order, as a queue may.
   * @default false
   */
  readonly shuffled?: boolean;
  /**
   * Share of the calls that are repeated some calls later, from 0 to 1. Xenioo does
   * not document whether it repeats slow calls.
   * @default 0
   */
  readonly repeated?: number;
}

type Entries = Iterable<unknown> | AsyncIterable<unknown>;

/** Turns an entry, or a list or stream of entries, lazily into calls. */
export async function* planCalls(
  entries: unknown,
  { grouped, shuffled = false, repeated = 0 }: CallPlan,
  random: SeededRandom,
): AsyncGenerator<PlannedCall, undefined> {
  const given = listOf(entries);
  const ordered = shuffled ? shuffle(given, random) : given;
  const repeats: { in: number; call: PlannedCall }[] = [];
  for await (const call of group(ordered, grouped)) {
    yield call;
    if (random.chance(repeated)) {
      const repeat = { ...call, isRepeated: true };
      repeats.push({ in: 1 + random.below(MAX_REPEAT_DISTANCE), call: repeat });
    }
    for (const repeat of repeats.filter(repeat => repeat.in-- === 0)) {
      yield repeats.splice(repeats.indexOf(repeat), 1)[0]!.call;
    }
  }
  for (const { call } of repeats) yield call;
}

/** Returns true for a string or bytes, which are sent as they are. */
export function isBody(value: unknown): value is string | Uint8Array {
  return typeof value === 'string' || value instanceof Uint8Array;
}

function listOf(entries: unknown): Entries {
  const isList =
    typeof entries === 'object' &&
    entries !== null &&
    !isBody(entries) &&
    (Symbol.iterator in entries || Symbol.asyncIterator in entries);
  return isList ? (entries as Entries) : [entries];
}

async function* group(
  entries: Entries,
  size: number | undefined,
): AsyncGenerator<PlannedCall> {
  let open: unknown[] = [];
  for await (const entry of entries) {
    if (size === undefined || isBody(entry)) {
      yield Array.isArray(entry)
        ? groupOf(entry)
        : { body: entry, events: 1, isRepeated: false };
      continue;
    }
    open.push(entry);
    if (open.length < size) continue;
    yield groupOf(open);
    open = [];
  }
  if (open.length > 0) yield groupOf(open);
}

function groupOf(entries: readonly unknown[]): PlannedCall {
  return { body: entries, events: entries.length, isRepeated: false };
}

async function* shuffle(
  entries: Entries,
  random: SeededRandom,
): AsyncGenerator {
  const held: unknown[] = [];
  const removeAny = () => held.splice(random.below(held.length), 1)[0];
  for await (const entry of entries) {
    held.push(entry);
    if (held.length > SHUFFLE_WINDOW) yield removeAny();
  }
  while (held.length > 0) yield removeAny();
}
