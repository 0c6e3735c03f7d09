import type { XeniooFailureReading } from '../simulator/failure-count.js';
import { xeniooConversation } from '../simulator/xenioo-conversation.js';
import type { XeniooReport } from '../simulator/xenioo-report.js';
import { xeniooTraffic } from '../simulator/xenioo-traffic.js';
import { XeniooSender } from '../simulator/xenioo.sender.js';

/** What is to be played, and to whom. */
export interface SimulationPlan {
  readonly url: string;
  readonly secret: string;
  readonly conversations: number;
  /** Calls a second; infinite for as fast as they are answered. */
  readonly rate: number;
  /** Without it, until each conversation is over. */
  readonly durationMs?: number | undefined;
  readonly grouped?: number | undefined;
  readonly shuffled: boolean;
  readonly repeated: number;
  readonly failures: XeniooFailureReading;
  readonly concurrency: number;
  readonly seed?: number | undefined;
  readonly timeoutMs: number;
}

/** What hears how it goes. */
export interface SimulationWatch {
  /** Called after each call; `soFar` tells how it stands. */
  onCall(soFar: () => XeniooReport): void;
}

/** What came of it. */
export interface SimulationOutcome {
  readonly report: XeniooReport;
  readonly endedBy: 'all sent' | 'duration' | 'interruption' | 'failures';
  /**
   * Calls a second between the first answer and the last, so that a slow last
   * one does not count; never more than wanted, which is only made up for.
   */
  readonly reachedRate: number;
}

/** Plays many conversations at once until the plan, the endpoint or the signal ends it. */
export async function simulate(
  plan: SimulationPlan,
  watch: SimulationWatch,
  signal: AbortSignal,
): Promise<SimulationOutcome> {
  const { grouped, shuffled, repeated, concurrency, rate, durationMs } = plan;
  const sender = createSender(plan);
  const pace = new Pace();
  const isOver = new AbortController();
  const timer = durationMs && setTimeout(() => isOver.abort(), durationMs);
  const report = await sender
    .send(trafficOf(plan), {
      shuffled,
      repeated,
      concurrency,
      intervalMs: 1_000 / rate,
      ...(grouped !== undefined && { grouped }),
      signal: AbortSignal.any([signal, isOver.signal]),
      onCall: (_answer, soFar) => {
        pace.count();
        watch.onCall(soFar);
      },
    })
    .finally(() => {
      clearTimeout(timer);
      sender.close();
    });
  return {
    report,
    endedBy: endOf(report, signal, isOver.signal),
    reachedRate: Math.min(pace.callsPerSecond ?? report.callsPerSecond, rate),
  };
}

/** How many events there are to send; infinite where only time ends it. */
export function eventsIn({
  conversations,
  durationMs,
}: SimulationPlan): number {
  if (durationMs !== undefined) return Number.POSITIVE_INFINITY;
  return conversations * xeniooConversation().length;
}

function createSender(plan: SimulationPlan): XeniooSender {
  const { url, secret, timeoutMs, failures, seed } = plan;
  return new XeniooSender({
    url,
    secret,
    timeoutMs,
    failures,
    ...(seed !== undefined && { seed }),
  });
}

function trafficOf({ conversations, seed, durationMs }: SimulationPlan) {
  return xeniooTraffic({
    conversations,
    endless: durationMs !== undefined,
    ...(seed !== undefined && { seed }),
  });
}

function endOf(
  { stopped }: XeniooReport,
  interruption: AbortSignal,
  duration: AbortSignal,
): SimulationOutcome['endedBy'] {
  if (stopped !== undefined) return 'failures';
  if (interruption.aborted) return 'interruption';
  return duration.aborted ? 'duration' : 'all sent';
}

/** How fast calls were answered, from the first one on. */
class Pace {
  private calls = 0;
  private firstAt = 0;
  private lastAt = 0;

  count(): void {
    this.lastAt = performance.now();
    if (this.calls++ === 0) this.firstAt = this.lastAt;
  }

  get callsPerSecond(): number | undefined {
    const seconds = (this.lastAt - this.firstAt) / 1_000;
    return seconds > 0 ? (this.calls - 1) / seconds : undefined;
  }
}
