import { createHistogram } from 'node:perf_hooks';
import type { XeniooAnswer } from './post.js';

/** Result of a series of calls. */
export interface XeniooReport {
  /** Number of calls, repeated ones included. */
  readonly calls: number;
  /** Number of entries in them. */
  readonly events: number;
  /** Number of calls that repeat an earlier one. */
  readonly repeated: number;
  /** Number of calls per status, or per code of the error without an answer: `{ 200: 12, timeout: 1 }`. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Number of calls that were not answered 200 in time. */
  readonly failed: number;
  /** Number of further calls that may fail before Xenioo would stop calling. */
  readonly failuresLeft: number;
  /** Reason why Xenioo would have stopped calling; absent if it would not. */
  readonly stopped?: string;
  readonly durationMs: number;
  /** Calls per second between the first answer and the last. */
  readonly callsPerSecond: number;
  /** Durations of the calls in milliseconds, those without an answer included; exact to a thousandth, one hour at most. */
  readonly latencyMs: XeniooLatencies;
}

/** Percentiles and maximum. */
export interface XeniooLatencies {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

const MICROSECONDS_PER_MS = 1_000;
const LONGEST_MICROSECONDS = 3_600_000_000;

/** Counts calls in constant memory. */
export class CallCounter {
  private calls = 0;
  private events = 0;
  private repeated = 0;
  private failed = 0;
  private readonly outcomes = new Map<string, number>();
  private readonly latencies = createHistogram({
    highest: LONGEST_MICROSECONDS,
  });
  private readonly startedAt = performance.now();
  private firstAnswerAt = 0;
  private lastAnswerAt = 0;

  add(answer: XeniooAnswer, events: number, isRepeated: boolean): void {
    const { outcome, latencyMs, failure } = answer;
    this.lastAnswerAt = performance.now();
    if (this.calls++ === 0) this.firstAnswerAt = this.lastAnswerAt;
    this.events += events;
    if (isRepeated) this.repeated++;
    if (failure !== undefined) this.failed++;
    const name = String(outcome);
    this.outcomes.set(name, (this.outcomes.get(name) ?? 0) + 1);
    const microseconds = Math.round(latencyMs * MICROSECONDS_PER_MS);
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
      callsPerSecond: this.callsPerSecond(durationMs),
      latencyMs: this.percentiles(),
    };
  }

  /** Excludes the wait for the first answer, which would distort a short run. */
  private callsPerSecond(durationMs: number): number {
    const ms = this.lastAnswerAt - this.firstAnswerAt;
    return ms > 0
      ? (this.calls - 1) / (ms / 1_000)
      : this.calls / (durationMs / 1_000);
  }

  private percentiles(): XeniooLatencies {
    const { latencies, calls } = this;
    const ms = (microseconds: number) =>
      calls === 0 ? 0 : microseconds / MICROSECONDS_PER_MS;
    return {
      p50: ms(latencies.percentile(50)),
      p90: ms(latencies.percentile(90)),
      p99: ms(latencies.percentile(99)),
      max: ms(latencies.max),
    };
  }
}
