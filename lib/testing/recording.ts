import type { INestApplicationContext } from '@nestjs/common';
import type { XeniooEntry } from '../events/parse-entry.js';
import type { XeniooDelivery } from '../events/xenioo-delivery.js';
import type { XeniooEvent } from '../events/xenioo.events.js';
import {
  XeniooObservers,
  type XeniooHandlerRun,
  type XeniooObserver,
} from '../handlers/xenioo.observers.js';
import type { XeniooHandlerResult } from '../handlers/xenioo-task.js';
import { XeniooTestingError } from '../simulator/xenioo-testing.errors.js';

/** One attempt of one `@OnXenioo()` handler on one event, and its result. A replay starts again with attempt 1. */
export interface XeniooDispatchedAttempt {
  /** `Class.method`, or the option `name` of its decorator. */
  readonly handler: string;
  readonly event: XeniooEvent;
  /** Counts from 1. */
  readonly attempt: number;
  /** Result of the attempt: another one follows `'retry'`; `'failed'` becomes a dead letter. */
  readonly status: XeniooHandlerResult['status'];
  /** Error that the handler threw. */
  readonly error?: unknown;
}

/** Records the calls that an application accepts, and the attempts of its handlers. */
export class Recording implements XeniooObserver {
  readonly entries: XeniooEntry[] = [];
  readonly attempts: XeniooDispatchedAttempt[] = [];
  /** Functions that describe running and retried handlers, by handler and event. */
  private readonly pending = new Map<string, () => string>();

  deliveryAccepted({ entries }: XeniooDelivery): void {
    for (const entry of entries) this.entries.push(entry);
  }

  handlerStarted(run: XeniooHandlerRun): void {
    const { handler, event, attempt } = run;
    const startedAt = performance.now();
    this.pending.set(keyOf(run), () => {
      const ms = Math.round(performance.now() - startedAt);
      return `${handler} has been running for ${ms} ms on ${event.typeName} ${event.id} (attempt ${attempt})`;
    });
  }

  handlerFinished(run: XeniooHandlerRun, result: XeniooHandlerResult): void {
    const { handler, event, attempt } = run;
    const { status } = result;
    const error = 'error' in result && { error: result.error };
    this.attempts.push({ handler, event, attempt, status, ...error });
    this.pending.delete(keyOf(run));
    if (result.status !== 'retry') return;
    const { retryAt } = result;
    this.pending.set(keyOf(run), () => {
      const ms = Math.max(0, retryAt - Date.now());
      return `${handler} waits ${ms} ms for attempt ${attempt + 1} on ${event.typeName} ${event.id}`;
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
 * Returns the recording of an application; the first call starts it.
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
      'The application has no XeniooModule. Import it in the module under test, and call `app.init()` first.',
      { cause },
    );
  }
}

function keyOf({ handler, event }: XeniooHandlerRun): string {
  return `${handler} ${event.id}`;
}
