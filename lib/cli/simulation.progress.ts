import { Presets, SingleBar } from 'cli-progress';
import type { XeniooReport } from '../simulator/xenioo-report.js';
import { inMs } from './describe-call.js';
import {
  eventsIn,
  type SimulationPlan,
  type SimulationWatch,
} from './simulate.js';
import type { Terminal } from './terminal.js';

const REDRAWN_EVERY_MS = 250;

const ENDING = 'Waiting for the calls under way; Ctrl-C again ends at once';

/** Shows how it goes until it ends. */
export interface SimulationProgress extends SimulationWatch {
  end(): void;
}

/** A progress bar with live counters for who looks at stderr; one line for any other reader. */
export function showProgress(
  plan: SimulationPlan,
  terminal: Terminal,
): SimulationProgress {
  if (terminal.isInteractive) return drawBar(plan, terminal);
  terminal.err(announcement(plan));
  const onEnding = () => terminal.err(`${ENDING}.`);
  terminal.signal.addEventListener('abort', onEnding, { once: true });
  return {
    onCall() {},
    end: () => terminal.signal.removeEventListener('abort', onEnding),
  };
}

function announcement({
  url,
  conversations,
  rate,
  durationMs,
}: SimulationPlan) {
  const pace = Number.isFinite(rate)
    ? `${rate} calls a second`
    : 'at full speed';
  const end =
    durationMs === undefined
      ? 'until they are over'
      : `for ${durationMs / 1_000} s`;
  return `${conversations} conversations to ${url}, ${pace}, ${end}; Ctrl-C ends it.`;
}

function drawBar(plan: SimulationPlan, terminal: Terminal): SimulationProgress {
  const startedAt = performance.now();
  const { durationMs } = plan;
  const total = durationMs ?? eventsIn(plan);
  const bar = new SingleBar(
    {
      format: '{bar} {percentage}% | {counters}',
      barsize: 20,
      stream: terminal.progress,
      fps: 1_000 / REDRAWN_EVERY_MS,
      clearOnComplete: true,
      linewrap: true,
    },
    Presets.shades_classic,
  );
  let latest: (() => XeniooReport) | undefined;
  const redraw = () => {
    const report = latest?.();
    const done =
      durationMs === undefined
        ? (report?.events ?? 0)
        : performance.now() - startedAt;
    bar.update(Math.min(done, total), {
      counters: terminal.signal.aborted ? ENDING : counters(report),
    });
  };
  bar.start(total, 0, { counters: counters(undefined) });
  const timer = setInterval(redraw, REDRAWN_EVERY_MS);
  return {
    onCall: soFar => void (latest = soFar),
    end() {
      clearInterval(timer);
      bar.stop();
    },
  };
}

function counters(report: XeniooReport | undefined): string {
  if (!report) return 'no answer yet';
  const { callsPerSecond, events, latencyMs, failed, failuresLeft } = report;
  const { p50, p99 } = latencyMs;
  return [
    `${Math.round(callsPerSecond)} calls/s`,
    `${events} events`,
    `p50 ${inMs(p50)}`,
    `p99 ${inMs(p99)}`,
    `${failed} failed, ${failuresLeft} left`,
  ].join(' | ');
}
