import assert from 'node:assert/strict';
import type { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import { parseBody } from '../events/parse-body.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import type { XeniooEvent } from '../events/xenioo.events.js';
import type { XeniooHandlerResult } from '../handlers/xenioo-task.js';

/** Strings that an observer stores with a call. */
export const CARRIER = { traceparent: '00-1-2-01' };

/** Name of the handler that most cases use. */
export const HANDLER = 'Crm.save';

/** Returns the result of a handler that succeeded. */
export function done(handler = HANDLER): XeniooHandlerResult {
  return { handler, status: 'done', attempts: 1 };
}

/** Returns the result of a handler that is due again in `inMs` milliseconds. */
export function retry(inMs: number, handler = HANDLER, attempts = 1) {
  const retryAt = Date.now() + inMs;
  const error = new Error(`${handler} is broken`);
  return { handler, status: 'retry', attempts, retryAt, error } as const;
}

/** Returns the result of a handler that failed for good. */
export function failed(handler = HANDLER) {
  const error = new Error(`${handler} is broken`);
  return { handler, status: 'failed', attempts: 3, error } as const;
}

/** Parses the body of a call. */
export function entriesOf(body: unknown, botName = 'default'): XeniooEntry[] {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const bot = { name: botName, secrets: ['secret'] };
  return parseBody(text, { bot, receivedAt: new Date() });
}

let made = 0;

/**
 * Creates an event with a date.
 * @param fraction of a second in its date, seven digits; the next one by default
 */
export function datedEvent(
  conversation?: string,
  fraction = made,
  bot?: string,
): XeniooEvent {
  const digits = String(fraction % 10_000_000).padStart(7, '0');
  const entry = {
    Type: 1,
    Data: `message ${++made}`,
    Date: `2024-05-01T12:00:00.${digits}+00:00`,
    ConversationId: conversation ?? null,
  };
  return entriesOf(entry, bot)[0] as XeniooEvent;
}

export function undatedEvent(conversation?: string): XeniooEvent {
  const entry = { Type: 8, ConversationId: conversation ?? null };
  return entriesOf(entry)[0] as XeniooEvent;
}

export function invalidEntry(): InvalidXeniooEntry {
  return entriesOf({ Type: 'none' })[0] as InvalidXeniooEntry;
}

export function many<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}

interface Identified {
  readonly id: string;
}

export function idsOf(entries: readonly Identified[]): string[] {
  return entries.map(({ id }) => id);
}

/** Asserts that two lists hold equal entries, in any order. */
export function assertSameEntries(
  actual: readonly Identified[],
  expected: readonly Identified[],
): void {
  const byId = (one: Identified, other: Identified) =>
    one.id < other.id ? -1 : 1;
  assert.deepEqual(actual.toSorted(byId), expected.toSorted(byId));
}

/** Creates a promise that the test resolves with `open()`. */
export function createLatch(): { opened: Promise<void>; open: () => void } {
  let open!: () => void;
  const opened = new Promise<void>(resolve => (open = resolve));
  return { opened, open };
}
