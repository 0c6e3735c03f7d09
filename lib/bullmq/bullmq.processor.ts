import { Logger } from '@nestjs/common';
import { DelayedError, WaitingError } from 'bullmq';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../describe-error.js';
import { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import type {
  XeniooDispatch,
  XeniooSettlement,
} from '../handlers/xenioo.dispatch.js';
import { restoreEntry } from '../inbox/stored-entry.js';
import { settledWithin } from '../settled-within.js';
import { isGone } from './bullmq.dead-letters.js';
import { HandledNotes } from './handled-notes.js';
import { reasonOf, settledState, takenUp } from './job-state.js';
import {
  inState,
  type JobState,
  type XeniooJob,
  type XeniooQueue,
} from './stored-job.js';

/** How long to wait when the engine does not take what was done. */
const AGAIN_AFTER_MS = 1_000;

/** How long to wait for the job as it is now. */
const ANSWER_WITHIN_MS = 3_000;

/** Puts what an invalid entry turned out to be into the queue. */
export type AddRestored = (entries: readonly XeniooEntry[]) => Promise<void>;

/** A job in the hands of this process. */
interface Held {
  readonly job: XeniooJob;
  readonly token: string;
}

/** Hands jobs to the dispatcher, and moves them to where they then belong. */
export class BullmqProcessor {
  private readonly logger = new Logger('Xenioo');
  private readonly held = new Set<Held>();
  private announcing = 0;
  private isAbandoned = false;
  private readonly onAbandoned = new Set<() => void>();

  constructor(
    private readonly queue: Pick<XeniooQueue, 'getJob'>,
    private readonly dispatch: XeniooDispatch,
    private readonly addRestored: AddRestored,
    /** Told of an engine that does not take what was done. */
    private readonly onTrouble: (error: unknown) => void,
  ) {}

  /** How many events are being handled, or failures announced. */
  get inFlight(): number {
    return this.held.size + this.announcing;
  }

  /** What is still being handled goes back to the queue, and what comes of it here does not count any more. */
  abandon(): void {
    this.isAbandoned = true;
    for (const letGo of this.onAbandoned) letGo();
  }

  /** The processor of BullMQ. A job that returns is done; others it moves itself. */
  readonly process = async (job: XeniooJob, token = ''): Promise<void> => {
    const held = { job, token };
    this.held.add(held);
    try {
      await this.handle(held);
    } catch (error) {
      // Another worker has it by now, or will have it.
      if (isGone(error)) throw new DelayedError();
      throw error;
    } finally {
      this.held.delete(held);
    }
  };

  private async handle(held: Held): Promise<void> {
    const { job } = held;
    const { entry, before } = takenUp(job);
    if (before.replay?.entries) {
      await this.addRestored(before.replay.entries.map(restoreEntry));
      return;
    }
    const settlement = await this.dispatched(held, entry, before);
    const after = settledState(entry, before, settlement);
    const { retryAt } = settlement;
    const isLetter =
      entry instanceof InvalidXeniooEntry || after.failures.length > 0;
    if (retryAt === undefined && !isLetter) return;
    await this.write(() => this.record(job, after));
    await this.move(held, after, retryAt, entry);
    this.announce(settlement);
    // Moved by us: BullMQ has nothing left to do.
    throw new DelayedError();
  }

  /** What came of the handlers, unless this process ends before: then the job goes back to the queue. */
  private async dispatched(
    { job, token }: Held,
    entry: XeniooEntry,
    before: JobState,
  ): Promise<XeniooSettlement> {
    // What this version does not understand any more is an invalid entry.
    const isInvalid = entry instanceof InvalidXeniooEntry;
    const progress = isInvalid ? undefined : before.progress;
    const notes = new HandledNotes(job, before);
    const settlement = await this.unlessAbandoned(async () =>
      this.dispatch(entry, {
        progress,
        onHandled: handler => notes.add(handler),
      }),
    );
    await notes.end();
    if (settlement) return settlement;
    await job.moveToWait(token);
    throw new WaitingError();
  }

  /** Notes what came of an attempt, unless another worker has taken the job up since. */
  private async record(job: XeniooJob, state: JobState): Promise<void> {
    const asked = this.queue.getJob(job.id!);
    // What was asked of a server that just died may never be answered.
    if (!(await settledWithin(asked, ANSWER_WITHIN_MS))) {
      throw new Error('it does not answer');
    }
    const now = await asked;
    if (now?.attemptsStarted !== job.attemptsStarted) throw new DelayedError();
    await job.updateData(inState(job, state));
  }

  private async move(
    { job, token }: Held,
    state: JobState,
    retryAt: number | undefined,
    entry: XeniooEntry,
  ): Promise<void> {
    try {
      await this.write(() =>
        retryAt === undefined
          ? job.moveToFailed(reasonOf(entry, state), token, false)
          : job.moveToDelayed(retryAt, token),
      );
    } catch (error) {
      // It was moved, and the answer to that was lost; or another worker does it.
      if (!isGone(error)) throw error;
    }
  }

  /** Tries until the engine takes it. */
  private async write(work: () => Promise<unknown>): Promise<void> {
    for (;;) {
      if (this.isAbandoned) throw new DelayedError();
      try {
        await work();
        return;
      } catch (error) {
        if (isGone(error) || error instanceof DelayedError) throw error;
        this.onTrouble(error);
        await sleep(AGAIN_AFTER_MS);
      }
    }
  }

  private async unlessAbandoned<T>(
    work: () => Promise<T>,
  ): Promise<T | undefined> {
    // What a worker that closes had asked for may still come.
    if (this.isAbandoned) return undefined;
    let letGo!: () => void;
    const abandoned = new Promise<undefined>(resolve => {
      letGo = () => resolve(undefined);
      this.onAbandoned.add(letGo);
    });
    try {
      return await Promise.race([work(), abandoned]);
    } finally {
      this.onAbandoned.delete(letGo);
    }
  }

  /** Whoever hears of failures holds nothing back. */
  private announce({ failures, announce }: XeniooSettlement): void {
    if (failures.length === 0) return;
    this.announcing++;
    void announce()
      .catch((error: unknown) => {
        const { message, stack } = describeError(error);
        this.logger.error(`A failure was not announced: ${message}`, stack);
      })
      .finally(() => this.announcing--);
  }
}
