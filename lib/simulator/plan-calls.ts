import type { Dice } from './dice.js';

/** Entries that are shuffled among each other: a queue does not mix today with yesterday. */
const SHUFFLED_AMONG = 50;

/** A call comes again within so many others. */
const REPEATED_WITHIN = 20;

/** One call that is to be made. */
export interface PlannedCall {
  /** A string or bytes as they are, anything else as JSON. */
  readonly body: unknown;
  readonly events: number;
  readonly isRepeated: boolean;
}

/** How entries become calls. */
export interface CallPlan {
  /**
   * Most entries in a call, which is an array then.
   * @default one entry a call, an object
   */
  readonly grouped?: number;
  /**
   * Whether entries come in another order than they were given, as from queues.
   * @default false
   */
  readonly shuffled?: boolean;
  /**
   * Share of calls that are made a second time, some calls later, from 0 to 1:
   * whether Xenioo sends a slow call again is not documented.
   * @default 0
   */
  readonly repeated?: number;
}

type Entries = Iterable<unknown> | AsyncIterable<unknown>;

/** Turns an entry, or a list or stream of them, into calls, each when it is asked for. */
export async function* planCalls(
  entries: unknown,
  { grouped, shuffled = false, repeated = 0 }: CallPlan,
  dice: Dice,
): AsyncGenerator<PlannedCall, undefined> {
  const given = listOf(entries);
  const ordered = shuffled ? shuffle(given, dice) : given;
  const again: { in: number; call: PlannedCall }[] = [];
  for await (const call of group(ordered, grouped)) {
    yield call;
    if (dice.chance(repeated)) {
      const repeat = { ...call, isRepeated: true };
      again.push({ in: 1 + dice.below(REPEATED_WITHIN), call: repeat });
    }
    for (const repeat of again.filter(repeat => repeat.in-- === 0)) {
      yield again.splice(again.indexOf(repeat), 1)[0]!.call;
    }
  }
  for (const { call } of again) yield call;
}

/** Whether it is a body already. */
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

async function* shuffle(entries: Entries, dice: Dice): AsyncGenerator {
  const held: unknown[] = [];
  const takeAny = () => held.splice(dice.below(held.length), 1)[0];
  for await (const entry of entries) {
    held.push(entry);
    if (held.length > SHUFFLED_AMONG) yield takeAny();
  }
  while (held.length > 0) yield takeAny();
}
