import type { INestApplicationContext } from '@nestjs/common';
import type { XeniooEntry } from '../events/parse-entry.js';
import type { XeniooEventOf } from '../events/xenioo-event.table.js';
import type { XeniooEventType } from '../events/xenioo-event-type.js';
import { recordingOf, type XeniooDispatchedAttempt } from './recording.js';
import { isInvalidEntry } from '../events/xenioo-event.table.js';

/**
 * Returns the entries that the application has accepted, in order: events of the given
 * types, or all entries, including invalid ones and duplicates. Recording starts when
 * a function of the testing kit is first called for the application.
 *
 * @example
 * ```ts
 * const [message] = received(app, XeniooEventType.UserMessage);
 * ```
 */
export function received(app: INestApplicationContext): XeniooEntry[];
export function received<T extends XeniooEventType>(
  app: INestApplicationContext,
  type: T | readonly T[],
): XeniooEventOf<T>[];
export function received(
  app: INestApplicationContext,
  type?: XeniooEventType | readonly XeniooEventType[],
): XeniooEntry[] {
  const { entries } = recordingOf(app);
  if (type === undefined) return [...entries];
  const types = new Set([type].flat());
  return entries.filter(
    entry => !isInvalidEntry(entry) && types.has(entry.type),
  );
}

/**
 * Returns the attempts of all `@OnXenioo()` handlers, or of the one with this name, in
 * the order in which they ended. Recording starts when a function of the testing kit is
 * first called for the application.
 *
 * @example
 * ```ts
 * dispatched(app, 'Crm.saveMessage').map(({ status }) => status);
 * ```
 */
export function dispatched(
  app: INestApplicationContext,
  handler?: string,
): XeniooDispatchedAttempt[] {
  return recordingOf(app).attempts.filter(
    attempt => handler === undefined || attempt.handler === handler,
  );
}

/** Clears what `received()` and `dispatched()` return, for tests that share an application. */
export function forget(app: INestApplicationContext): void {
  recordingOf(app).clear();
}
