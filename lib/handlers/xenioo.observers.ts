import { Injectable } from '@nestjs/common';
import type { XeniooEntry } from '../events/parse-entry.js';
import type { Due } from './due-handlers.js';
import type { Outcome } from './progress-after.js';

/** One attempt of one handler on one entry. */
export interface ObservedAttempt {
  readonly handler: string;
  readonly entry: XeniooEntry;
  /** Counts from 1. */
  readonly attempt: number;
}

/** Looks on, and must not throw. */
export interface XeniooObserver {
  /** What a call brought is accepted. */
  received(entries: readonly XeniooEntry[]): void;
  attempting(attempt: ObservedAttempt): void;
  attempted(attempt: ObservedAttempt, outcome: Outcome): void;
}

/** Who looks on in this application: nobody, unless it is tested. */
@Injectable()
export class XeniooObservers {
  private readonly observers = new Set<XeniooObserver>();

  add(observer: XeniooObserver): void {
    this.observers.add(observer);
  }

  received(entries: readonly XeniooEntry[]): void {
    for (const observer of this.observers) observer.received(entries);
  }

  attempting(due: Due, entry: XeniooEntry): void {
    for (const observer of this.observers) {
      observer.attempting(observed(due, entry));
    }
  }

  attempted(due: Due, entry: XeniooEntry, outcome: Outcome): void {
    for (const observer of this.observers) {
      observer.attempted(observed(due, entry), outcome);
    }
  }
}

function observed(
  { name: handler, attempts }: Due,
  entry: XeniooEntry,
): ObservedAttempt {
  return { handler, entry, attempt: attempts + 1 };
}
