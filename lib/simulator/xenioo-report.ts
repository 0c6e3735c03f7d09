import { createHistogram } from 'node:perf_hooks';
import type { XeniooAnswer } from './post.js';

/** What came of what was sent. */
export interface XeniooReport {
  /** Calls that were made, repeated ones too. */
  readonly calls: number;
  /** Entries in them. */
  readonly events: number;
  /** Calls that were made a second time. */
  readonly repeated: number;
  /** How many calls were answered with each status, or had no answer and why: `{ 200: 12, timeout: 1 }`. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Calls of these that were not answered 200 in time. */
  readonly failed: number;
  /** How many more calls may fail before the service stops. */
  readonly failuresLeft: number;
  /** Why the service stopped; absent where it did not. */
  readonly stopped?: string;
  readonly durationMs: number;
  readonly callsPerSecond: number;
  /** How long calls took, in milliseconds, those without an answer too; within a thousandth, and no more than an hour. */
  readonly latencyMs: XeniooLatencies;
}

/** Percentiles, and the slowest. */
export interface XeniooLatencies {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

const MICROSECONDS_A_MS = 1_000;
const LONGEST_MICROSECONDS = 3_600_000_000;

/** Counts calls, in memory that does not grow with them. */
export class Tally {
  private calls = 0;
  private events = 0;
  private repeated = 0;
  private failed = 0;
  private readonly outcomes = new Map<string, number>();
  private readonly latencies = createHistogram({
    highest: LONGEST_MICROSECONDS,
  });
  private readonly startedAt = performance.now();

  add(answer: XeniooAnswer, events: number, isRepeated: boolean): void {
    const { outcome, latencyMs, failure } = answer;
    this.calls++;
    this.events += events;
    if (isRepeated) this.repeated++;
    if (failure !== undefined) this.failed++;
    const name = String(outcome);
    this.outcomes.set(name, (this.outcomes.get(name) ?? 0) + 1);
    const microseconds = Math.round(latencyMs * MICROSECONDS_A_MS);
    this.latencies.record(
      Math.min(Math.max(1, microseconds), LONGEST_MICROSECONDS),
    );
  }

  report(failuresLeft: number, stopped: string | undefined): XeniooReport {
    const { calls, events, repeated, failed } = this;
    const durationMs = performance.now() - this.startedAt;
    return {
      calls,
      events,
      repeated,
      outcomes: Object.fromEntries(this.outcomes),
      failed,
      failuresLeft,
      ...(stopped !== undefined && { stopped }),
      durationMs,
      callsPerSecond: calls / (durationMs / 1_000),
      latencyMs: this.percentiles(),
    };
  }

  private percentiles(): XeniooLatencies {
    const { latencies, calls } = this;
    const ms = (microseconds: number) =>
      calls === 0 ? 0 : microseconds / MICROSECONDS_A_MS;
    return {
      p50: ms(latencies.percentile(50)),
      p90: ms(latencies.percentile(90)),
      p99: ms(latencies.percentile(99)),
      max: ms(latencies.max),
    };
  }
}
