import type { INestApplicationContext } from '@nestjs/common';
import { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import type { Outcome } from '../handlers/progress-after.js';
import {
  XeniooObservers,
  type ObservedAttempt,
  type XeniooObserver,
} from '../handlers/xenioo.observers.js';
import { XeniooTestingError } from '../simulator/xenioo-testing.errors.js';

/** One attempt of one handler, and what came of it. */
export interface XeniooDispatchedAttempt {
  /** `Class.method`, or the option `name` of its decorator. */
  readonly handler: string;
  readonly entry: XeniooEntry;
  /** Counts from 1. */
  readonly attempt: number;
  /** `given up` makes a dead letter; an invalid entry is one already. */
  readonly outcome: 'done' | 'to be retried' | 'given up';
  /** What the handler threw. */
  readonly error?: unknown;
}

/** Keeps what an application accepts, and what its handlers do. */
export class Recording implements XeniooObserver {
  readonly entries: XeniooEntry[] = [];
  readonly attempts: XeniooDispatchedAttempt[] = [];
  /** What goes on or is still to come, in words, by handler and entry. */
  private readonly pending = new Map<string, () => string>();

  received(entries: readonly XeniooEntry[]): void {
    for (const entry of entries) this.entries.push(entry);
  }

  attempting(attempt: ObservedAttempt): void {
    const begunAt = performance.now();
    this.pending.set(keyOf(attempt), () => {
      const ms = Math.round(performance.now() - begunAt);
      return `${attempt.handler} has been running for ${ms} ms on ${nameOf(attempt.entry)} (attempt ${attempt.attempt})`;
    });
  }

  attempted(observed: ObservedAttempt, outcome: Outcome): void {
    const { handler, entry, attempt } = observed;
    this.pending.delete(keyOf(observed));
    if (outcome.is === 'unmatched') return;
    const { is, ...rest } = outcome;
    const error = 'error' in rest && { error: rest.error };
    this.attempts.push({ handler, entry, attempt, outcome: is, ...error });
    if (outcome.is !== 'to be retried') return;
    const { retryAt } = outcome;
    this.pending.set(keyOf(observed), () => {
      const ms = Math.max(0, retryAt - Date.now());
      return `${handler} waits ${ms} ms for attempt ${attempt + 1} on ${nameOf(entry)}`;
    });
  }

  describePending(): string[] {
    return [...this.pending.values()].map(describe => describe());
  }

  clear(): void {
    this.entries.splice(0);
    this.attempts.splice(0);
  }
}

const RECORDINGS = new WeakMap<XeniooObservers, Recording>();

/**
 * The recording of an application, which begins when it is first asked for.
 * @throws {XeniooTestingError} without a XeniooModule
 */
export function recordingOf(app: INestApplicationContext): Recording {
  const observers = observersOf(app);
  const known = RECORDINGS.get(observers);
  if (known) return known;
  const recording = new Recording();
  RECORDINGS.set(observers, recording);
  observers.add(recording);
  return recording;
}

function observersOf(app: INestApplicationContext): XeniooObservers {
  try {
    return app.get(XeniooObservers, { strict: false });
  } catch (cause) {
    throw new XeniooTestingError(
      'The application has no XeniooModule: import it in the module that is tested, and call `app.init()` before.',
      { cause },
    );
  }
}

function keyOf({ handler, entry }: ObservedAttempt): string {
  return `${handler} ${entry.id}`;
}

function nameOf(entry: XeniooEntry): string {
  return entry instanceof InvalidXeniooEntry
    ? `invalid entry ${entry.id}`
    : `${entry.typeName} ${entry.id}`;
}
