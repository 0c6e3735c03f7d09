import { computed, signal } from '@preact/signals';
import { ApiError, call, explain, get, readEvents } from './api';
import type { Contents, InspectedEvent, State } from './contract';

/** Upper bound of the events that the page keeps; the oldest are dropped. */
const MAX_EVENTS = 10_000;

const PAGE_SIZE = 200;

/** Interval at which new events reach the page: 2,000 a second are one update of 200. */
const UPDATE_INTERVAL_MS = 100;

/** The server sends a heartbeat each 15 s. */
const STREAM_TIMEOUT_MS = 40_000;

const MAX_RECONNECT_DELAY_MS = 15_000;

export type Connection =
  | { readonly status: 'connecting' | 'live' | 'unauthorized' }
  | {
      readonly status: 'disconnected';
      readonly reason: string;
      readonly retryAt: number;
    };

export const connection = signal<Connection>({ status: 'connecting' });
export const state = signal<State>();

/** Events of this process, the oldest first. */
export const events = signal<readonly InspectedEvent[]>([]);

/** True once the events that the server keeps have been read. */
export const areEventsLoaded = signal(false);

/** Number of updates that the server skipped, because this browser read too slowly. */
export const skipped = signal(0);

/** Number that changes with the dead letters. */
export const lettersVersion = signal(0);

/** Contents that the reader asked for, by their path in the API. */
export const revealed = signal<ReadonlyMap<string, Contents>>(new Map());

/** Current time, to the second. */
export const now = signal(Date.now());
setInterval(() => (now.value = Date.now()), 1_000);

/** Values that the events have, for filters. */
export const seen = computed(() => ({
  types: valuesOf(({ typeName }) => [typeName]),
  bots: valuesOf(({ bot }) => [bot]),
  channels: valuesOf(({ channel }) => (channel ? [channel] : [])),
  handlers: valuesOf(({ results }) => results.map(({ handler }) => handler)),
}));

function valuesOf(
  select: (event: InspectedEvent) => readonly string[],
): readonly string[] {
  const values = new Set(events.value.flatMap(select));
  return [...values].toSorted((one, other) => one.localeCompare(other));
}

/** Events since the last update, by number. */
let arrived = new Map<number, InspectedEvent>();

/** Numbers of the events that the stream brought since it was opened: they are newer than what the API lists. */
let streamed = new Set<number>();

let updateTimer: number | undefined;
let endWait = () => {};

/** Connects without waiting. */
export function reconnect(): void {
  endWait();
}

/** Reads live updates for as long as the page is open. */
export async function stayConnected(): Promise<never> {
  for (let failures = 0; ; failures++) {
    if (connection.value.status !== 'disconnected') {
      connection.value = { status: 'connecting' };
    }
    try {
      await readStream(() => (failures = 0));
      await waitAfter(failures, 'The server closed the connection.');
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        connection.value = { status: 'unauthorized' };
        await wait();
      } else {
        await waitAfter(failures, explain(error));
      }
    }
  }
}

async function waitAfter(failures: number, reason: string): Promise<void> {
  const delayMs = Math.min(1_000 * 2 ** failures, MAX_RECONNECT_DELAY_MS);
  const retryAt = Date.now() + delayMs;
  connection.value = { status: 'disconnected', reason, retryAt };
  await wait(delayMs);
}

function wait(delayMs?: number): Promise<void> {
  return new Promise(resolve => {
    endWait = resolve;
    if (delayMs !== undefined) setTimeout(resolve, delayMs);
  });
}

async function readStream(onOpen: () => void): Promise<void> {
  const aborting = new AbortController();
  const abort = () =>
    aborting.abort(new Error('The server sends no heartbeat any more.'));
  let timer = setTimeout(abort, STREAM_TIMEOUT_MS);
  try {
    const { body } = await call('stream', { signal: aborting.signal });
    streamed = new Set();
    await loadState();
    loadEvents().catch((error: unknown) => aborting.abort(error));
    connection.value = { status: 'live' };
    onOpen();
    for await (const { event, data } of readEvents(body!)) {
      clearTimeout(timer);
      timer = setTimeout(abort, STREAM_TIMEOUT_MS);
      if (data) receive(event, data);
    }
  } finally {
    clearTimeout(timer);
    aborting.abort();
  }
}

function receive(name: string, data: string): void {
  if (name === 'event') {
    const event = JSON.parse(data) as InspectedEvent;
    arrived.set(event.seq, event);
    streamed.add(event.seq);
    updateTimer ??= setTimeout(update, UPDATE_INTERVAL_MS);
  } else if (name === 'state') {
    state.value = JSON.parse(data) as State;
  } else if (name === 'letters') {
    lettersVersion.value++;
  } else if (name === 'dropped') {
    skipped.value += (JSON.parse(data) as { count: number }).count;
    streamed = new Set();
    // A failure ends the stream as well, which reconnects.
    loadEvents().catch(() => {});
  }
}

function update(): void {
  updateTimer = undefined;
  events.value = merge(events.value, arrived);
  arrived = new Map();
}

/** Adds events, or replaces those of the same number. */
function merge(
  current: readonly InspectedEvent[],
  added: ReadonlyMap<number, InspectedEvent>,
): readonly InspectedEvent[] {
  const kept = current.map(event => added.get(event.seq) ?? event);
  const known = new Set(current.map(({ seq }) => seq));
  const others = [...added.values()].filter(({ seq }) => !known.has(seq));
  return [...kept, ...others]
    .toSorted((one, other) => one.seq - other.seq)
    .slice(-MAX_EVENTS);
}

async function loadState(): Promise<void> {
  const before = state.value;
  const current = await get<State>('state');
  const isOther =
    before?.pid !== current.pid || before.startedAt !== current.startedAt;
  if (isOther) forgetEvents();
  state.value = current;
  lettersVersion.value++;
}

/** Reads the events that the server keeps, page by page. */
async function loadEvents(): Promise<void> {
  let before: number | undefined;
  let count = 0;
  do {
    const page = await get<{ events: InspectedEvent[] }>('events', {
      limit: PAGE_SIZE,
      before,
    });
    const older = page.events.filter(({ seq }) => !streamed.has(seq));
    events.value = merge(
      events.value,
      new Map(older.map(event => [event.seq, event])),
    );
    count += page.events.length;
    before =
      page.events.length < PAGE_SIZE ? undefined : page.events.at(-1)!.seq;
  } while (before !== undefined && count < MAX_EVENTS);
  areEventsLoaded.value = true;
}

/** Forgets the events and what was revealed of them. */
function forgetEvents(): void {
  events.value = [];
  arrived = new Map();
  streamed = new Set();
  revealed.value = new Map();
  areEventsLoaded.value = false;
}

/** Reads the events again, such as after a conversation was erased. */
export async function reloadEvents(): Promise<void> {
  forgetEvents();
  await loadEvents();
}

/** Reads and keeps the contents of an entry. */
export async function reveal(path: string): Promise<void> {
  const contents = await get<Contents>(path);
  revealed.value = new Map(revealed.value).set(path, contents);
}

/** Hides contents again. */
export function hide(paths: readonly string[]): void {
  const rest = new Map(revealed.value);
  for (const path of paths) rest.delete(path);
  revealed.value = rest;
}
