import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { XeniooEntry } from '../events/parse-entry.js';
import { dedupeId } from '../inbox/claims.js';
import { DroppedLog } from '../inbox/dropped-log.js';
import {
  CommitTimeout,
  GroupCommit,
  type Work,
} from '../inbox/group-commit.js';
import { inOrderOfDate } from '../inbox/in-order-of-date.js';
import { settledWithin } from '../settled-within.js';
import type { XeniooDedupeSettings } from '../options/xenioo-dedupe.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import { whyNot, type BullmqConnection } from './bullmq.connection.js';
import type { BullmqEngine, OpenEngine } from './bullmq.engine.js';
import {
  jobOf,
  type JobKeeping,
  type NewJob,
  type XeniooQueue,
} from './stored-job.js';

/** How long to wait before jobs that were not taken are offered again. */
const AGAIN_AFTER_MS = 100;

interface Settings {
  readonly dedupe: XeniooDedupeSettings | false;
  readonly acceptTimeoutMs: number;
}

/** Puts into the queue what calls bring: those that come together, in one bulk call. */
export class BullmqAcceptance {
  private readonly log = new DroppedLog();
  private readonly commit: GroupCommit<NewJob[]>;

  constructor(
    private readonly engine: BullmqEngine,
    private readonly connection: BullmqConnection,
    private readonly settings: Settings,
    private readonly keeping: JobKeeping,
  ) {
    this.commit = new GroupCommit<NewJob[]>(
      {
        write: work => this.write(work),
        isAtFault: error => engine.isRefusal(error),
      },
      { atOnce: engine.callsAtOnce, gathers: engine.gathers },
    );
  }

  /**
   * Resolves when the engine has committed every entry, or had before.
   * @throws {XeniooInboxError} when it has not within `acceptTimeoutMs`. What it
   * took nevertheless is handled, and dropped when it comes again.
   */
  async accept(entries: readonly XeniooEntry[]): Promise<void> {
    const jobs = this.jobsOf(entries);
    const { acceptTimeoutMs: timeoutMs } = this.settings;
    const written = this.put(jobs, timeoutMs);
    try {
      if (await settledWithin(written, timeoutMs)) return;
    } catch (error) {
      if (!(error instanceof CommitTimeout)) throw this.refused(error);
    }
    throw this.refused(
      new Error(`it took nothing within ${timeoutMs} ms (\`acceptTimeoutMs\`)`),
    );
  }

  /** Puts entries into the queue past `dedupe`; one that waits there already waits once. */
  async addRestored(entries: readonly XeniooEntry[]): Promise<void> {
    await this.put(entries.map(entry => jobOf(entry, this.keeping)));
  }

  private put(jobs: readonly NewJob[], timeoutMs?: number): Promise<void> {
    const bytes = bytesOf(jobs);
    const work: Work<NewJob[]> = batch => {
      for (const job of jobs) batch.push(job);
    };
    return this.commit.write(
      work,
      timeoutMs === undefined ? { bytes } : { bytes, timeoutMs },
    );
  }

  private jobsOf(entries: readonly XeniooEntry[]): NewJob[] {
    const { dedupe } = this.settings;
    const ttlMs = dedupe ? dedupe.ttlSeconds * 1_000 : undefined;
    const seen = new Set<string>();
    return inOrderOfDate(entries).map(entry => {
      const isClaimed = dedupe && dedupeId(entry) !== undefined;
      // Twins wait side by side only where nothing drops them.
      const mayHaveTwin = !dedupe && dedupeId(entry) !== undefined;
      const isTwin = !isClaimed && (mayHaveTwin || seen.has(entry.id));
      seen.add(entry.id);
      const twin = isTwin ? randomUUID().slice(0, 8) : undefined;
      return jobOf(entry, this.keeping, { ttlMs, twin });
    });
  }

  /** Offers jobs until the engine has taken them, or for `acceptTimeoutMs`. */
  private async write(work: Work<NewJob[]>): Promise<void> {
    const jobs: NewJob[] = [];
    work(jobs);
    const latest = performance.now() + this.settings.acceptTimeoutMs;
    for (;;) {
      const askedAt = performance.now();
      try {
        await this.add(jobs);
        this.connection.tellWell(askedAt);
        return;
      } catch (error) {
        if (this.engine.isRefusal(error)) throw error;
        this.connection.tellTrouble(error);
        if (performance.now() + AGAIN_AFTER_MS > latest) throw error;
        await sleep(AGAIN_AFTER_MS);
      }
    }
  }

  private async add(jobs: readonly NewJob[]): Promise<void> {
    const open = await this.connection.open();
    const { jobsAtOnce } = this.engine;
    for (let from = 0; from < jobs.length; from += jobsAtOnce) {
      const some = jobs.slice(from, from + jobsAtOnce);
      if (!(await open.hasRoomFor(some.length, bytesOf(some)))) {
        throw new Error('it is full, what is left is for the workers');
      }
      const added = addTo(open.queue, some);
      await Promise.all([added, this.note(open, some, added)]);
    }
  }

  private async note(
    open: OpenEngine,
    jobs: readonly NewJob[],
    added: Promise<void>,
  ): Promise<void> {
    const { dedupe } = this.settings;
    if (!dedupe) return;
    const claimed = jobs.flatMap(({ opts }) => opts.deduplication?.id ?? []);
    if (claimed.length === 0) return;
    const onKnown = (count: number) => this.log.note(count);
    await open.noteClaims(claimed, dedupe, added, onKnown);
  }

  private refused(error: unknown): XeniooInboxError {
    if (error instanceof XeniooInboxError) return error;
    // Errors of the clients hold what they were given: only their message goes on.
    return new XeniooInboxError(
      `the BullMQ inbox, ${this.connection.name}: ${whyNot(error)}`,
    );
  }
}

function bytesOf(jobs: readonly NewJob[]): number {
  return jobs.reduce((sum, { data }) => sum + data.entry.length, 0);
}

/** A bulk call of one costs twice as much as one that is added alone. */
async function addTo(
  queue: XeniooQueue,
  jobs: readonly NewJob[],
): Promise<void> {
  const [{ name, data, opts }] = jobs as [NewJob];
  if (jobs.length === 1) await queue.add(name, data, opts);
  else await queue.addBulk([...jobs]);
}
