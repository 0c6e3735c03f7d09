import { UnrecoverableError } from 'bullmq';
import { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import { onlyOf, type XeniooSettlement } from '../handlers/xenioo.dispatch.js';
import { letterOfFailures } from '../inbox/dead-letter.js';
import { isKept } from './bullmq.dead-letters.js';
import {
  entryOf,
  stateOf,
  type JobState,
  type XeniooJob,
} from './stored-job.js';

/**
 * What a job holds when it is taken up: a dead letter is replayed, by us or from a dashboard.
 * @throws {UnrecoverableError} when it was not put there by this module
 */
export function takenUp(job: XeniooJob): {
  readonly entry: XeniooEntry;
  readonly before: JobState;
} {
  try {
    const entry = entryOf(job);
    return { entry, before: stateBefore(job) };
  } catch {
    // The error would show what is in it.
    throw new UnrecoverableError(
      'it holds no entry as nestjs-xenioo puts it into the queue',
    );
  }
}

function stateBefore(job: XeniooJob): JobState {
  const state = stateOf(job);
  const { attemptsMade: timesFailed, stalledCounter: timesStalled } = job;
  const { replay = {}, failures, progress, deadLetteredAt } = state;
  if (replay.entries) return state;
  if (!wasPutBack(job, state)) return { ...state, timesStalled };
  const kept = failures.filter(({ handler }) => isKept(replay, handler));
  const handlers = replay.handlers ?? failures.map(({ handler }) => handler);
  return {
    ...(deadLetteredAt !== undefined && { deadLetteredAt }),
    failures: kept,
    timesFailed,
    timesStalled,
    // Without failures its processes ended before its handlers did.
    progress: handlers.length > 0 ? onlyOf(handlers) : progress,
  };
}

/** Whether it had failed, and somebody wants it tried again: we, or a dashboard. */
function wasPutBack(
  { attemptsMade, stalledCounter }: XeniooJob,
  { timesFailed, timesStalled, progress, failures }: JobState,
): boolean {
  if (attemptsMade !== timesFailed) return true;
  // Some reset the count of failures. Then nothing is left to do of it, and no
  // process ended between the record of that and the move to where it belongs.
  const isOver = progress?.attempted && progress.failed.length === 0;
  return (
    isOver === true && failures.length > 0 && stalledCounter === timesStalled
  );
}

/** The state of a job after an attempt. */
export function settledState(
  entry: XeniooEntry,
  before: JobState,
  { progress, failures }: XeniooSettlement,
): JobState {
  const { timesFailed, timesStalled, deadLetteredAt } = before;
  const kept = {
    timesFailed,
    ...(timesStalled !== undefined && { timesStalled }),
    progress,
    failures: before.failures,
    ...(deadLetteredAt !== undefined && { deadLetteredAt }),
  };
  if (failures.length === 0) return kept;
  const letter = letterOfFailures(entry, failures, before.failures);
  return {
    ...kept,
    failures: letter.failures,
    deadLetteredAt: letter.deadLetteredAt.getTime(),
  };
}

/** Why a job failed, for dashboards: PostgreSQL takes neither NUL nor half a character. */
export function reasonOf(entry: XeniooEntry, { failures }: JobState): Error {
  const message =
    entry instanceof InvalidXeniooEntry
      ? `${entry.reason}: ${entry.errors.join('; ')}`
      : failures
          .map(({ handler, error }) => `${handler}: ${error.message}`)
          .join('; ');
  const reason = new UnrecoverableError(clean(message));
  reason.stack = clean(failures.at(-1)?.error.stack ?? '');
  return reason;
}

function clean(text: string): string {
  return Buffer.from(text.replaceAll('\0', '')).toString();
}
