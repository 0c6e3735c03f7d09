import { setMaxListeners } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import type { XeniooFailureReading } from '../../simulator/failure-count.js';
import { Tally, type XeniooReport } from '../../simulator/xenioo-report.js';
import { XeniooSender } from '../../simulator/xenioo.sender.js';
import type { RecordedCall } from '../record/recorded-call.js';
import { FreshDates } from './fresh-dates.js';
import { readRecording } from './read-recording.js';
import { scheduleOf, type ReplayPace } from './schedule.js';

/** What is to be sent again, to whom, and how. */
export interface ReplayPlan {
  readonly url: string;
  readonly secret: string;
  /** A recording; `-` is stdin. */
  readonly file: string;
  readonly pace: ReplayPace;
  readonly hasFreshDates: boolean;
  readonly failures: XeniooFailureReading;
  readonly concurrency: number;
  readonly timeoutMs: number;
}

/** What came of it. */
export interface ReplayOutcome {
  readonly report: XeniooReport;
  readonly endedBy: 'all sent' | 'interruption' | 'failures' | 'broken line';
  /** What keeps the rest of the recording from being sent. */
  readonly error?: unknown;
}

/** Sends the calls of a recording in their order, until all are sent, or the endpoint, a broken line or the signal ends it. */
export async function replay(
  plan: ReplayPlan,
  onCall: (soFar: () => XeniooReport) => void,
  signal: AbortSignal,
): Promise<ReplayOutcome> {
  const { url, secret, failures, timeoutMs, concurrency } = plan;
  const sender = new XeniooSender({ url, secret, failures, timeoutMs });
  const tally = new Tally();
  const soFar = () => tally.report(sender.failuresLeft, sender.stopped);
  const over = new AbortController();
  const ended = AbortSignal.any([signal, over.signal]);
  // Each chunk that is waited for listens.
  setMaxListeners(0, ended);
  const turns = turnsOf(plan, ended);
  let error: unknown;
  const work = async () => {
    for (;;) {
      const { value: call } = await turns.next();
      if (!call || ended.aborted) return;
      const answer = await sender.call(call.body, { headers: call.headers });
      tally.add(answer, call.events, false);
      onCall(soFar);
      if (sender.stopped !== undefined) over.abort();
    }
  };
  const workers = Array.from({ length: concurrency }, async () =>
    work().catch((caught: unknown) => {
      if (sender.stopped === undefined) error ??= caught;
    }),
  );
  await Promise.all(workers).finally(() => sender.close());
  const report = soFar();
  if (error !== undefined) return { report, endedBy: 'broken line', error };
  if (report.stopped !== undefined) return { report, endedBy: 'failures' };
  return { report, endedBy: signal.aborted ? 'interruption' : 'all sent' };
}

interface Turn {
  readonly body: string;
  readonly headers: Readonly<Record<string, string | null>>;
  readonly events: number;
}

/** Gives each call when its time has come, and to one worker after another: so they begin in order. */
async function* turnsOf(
  { file, pace, hasFreshDates }: ReplayPlan,
  signal: AbortSignal,
): AsyncGenerator<Turn, undefined> {
  const dates = hasFreshDates ? new FreshDates() : undefined;
  const needsTimes = 'speed' in pace;
  const dueAt = scheduleOf(pace);
  for await (const call of readRecording(file, { needsTimes, signal })) {
    await waitUntil(dueAt(call), signal);
    if (signal.aborted) return;
    yield turnOf(call, dates);
  }
}

function turnOf(
  { body, isJson, contentType, events }: RecordedCall,
  dates: FreshDates | undefined,
): Turn {
  const text = body();
  return {
    body: dates && isJson ? dates.refresh(text) : text,
    headers: contentType === undefined ? {} : { 'content-type': contentType },
    events,
  };
}

const LONGEST_WAIT_MS = 2_147_483_647;

async function waitUntil(time: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    const ms = time - performance.now();
    // Timers are late by up to a millisecond, which the next turns make up for.
    if (ms < 1 || signal.aborted) return;
    await setTimeout(Math.min(ms, LONGEST_WAIT_MS), undefined, {
      signal,
    }).catch(() => {});
  }
}
