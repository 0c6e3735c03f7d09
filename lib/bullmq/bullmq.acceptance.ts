import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { XeniooDelivery } from '../events/xenioo-delivery.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import type { XeniooDuplicates } from '../handlers/xenioo.observers.js';
import { dedupeId, inOrderOfDate } from '../inbox/entries.js';
import type { XeniooSettings } from '../options/xenioo.options.js';
import { settledWithin } from '../settled-within.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import {
  reasonOf,
  type BullmqConnection,
  type OpenQueue,
} from './bullmq.connection.js';
import {
  addJobs,
  JOBS_PER_COMMAND,
  type JobFactory,
  type NewJob,
} from './bullmq.job.js';
import { RedisClaims } from './redis.claims.js';
import { removeUnlisted } from './unlisted-jobs.js';
import { isInvalidEntry } from '../events/xenioo-event.table.js';

/** Time in milliseconds between two attempts to add the jobs of a call. */
const RETRY_DELAY_MS = 100;

/** Time in milliseconds after which Redis removes the value that a health check writes. */
const PROBE_TTL_MS = 1_000;

/** Adds a job for each entry of a delivery. */
export class BullmqAcceptance {
  private claims: RedisClaims | undefined;
  /** Ids of jobs that failed to be added. Until Redis has removed what is left of them, no call is accepted: adding them again would have no effect. */
  private readonly leftovers = new Set<string>();

  constructor(
    private readonly connection: BullmqConnection,
    private readonly jobs: JobFactory,
    private readonly settings: Pick<
      XeniooSettings,
      'dedupe' | 'acceptTimeoutMs'
    >,
    private readonly reportDuplicates: (duplicates: XeniooDuplicates) => void,
  ) {}

  /**
   * Resolves when Redis has committed every entry.
   * @throws {XeniooInboxError} when it has not within `acceptTimeoutMs`. Entries that
   * were committed all the same are handled; if they have a `Date`, they are duplicates
   * when the call is repeated.
   */
  async accept(delivery: XeniooDelivery): Promise<void> {
    const deadline = performance.now() + this.settings.acceptTimeoutMs;
    await this.finishInTime(this.addUntil(delivery, deadline));
  }

  /**
   * Resolves when Redis has committed a value that expires soon.
   * @throws {XeniooInboxError} when it has not within `acceptTimeoutMs`, or its memory is full
   */
  async probe(): Promise<void> {
    await this.finishInTime(this.writeProbe());
  }

  /** Reports the duplicates of earlier calls. */
  async flush(): Promise<void> {
    await this.claims?.flush();
  }

  close(): void {
    this.claims?.close();
  }

  private async finishInTime(work: Promise<void>): Promise<void> {
    const { acceptTimeoutMs } = this.settings;
    try {
      if (await settledWithin(work, acceptTimeoutMs)) return;
    } catch (error) {
      if (error instanceof XeniooInboxError) throw error;
      // Only the message: errors of the clients contain the arguments of the command.
      throw this.errorOf(reasonOf(error));
    }
    throw this.errorOf(
      `no answer within ${acceptTimeoutMs} ms (\`acceptTimeoutMs\`)`,
    );
  }

  private async writeProbe(): Promise<void> {
    const open = await this.connection.open();
    await this.removeLeftovers(open);
    const { client, queue, state } = open;
    await state.assertMemoryFor(0, 0);
    await client.set(queue.toKey('health'), '', 'PX', PROBE_TTL_MS);
  }

  private async addUntil(
    delivery: XeniooDelivery,
    deadline: number,
  ): Promise<void> {
    const entries = inOrderOfDate(delivery.entries);
    const callId = randomUUID().slice(0, 8);
    for (;;) {
      const startedAt = performance.now();
      try {
        await this.addAll(delivery, entries, callId, deadline);
        this.connection.reportRecovery(startedAt);
        return;
      } catch (error) {
        this.connection.reportFailure(error);
        if (performance.now() + RETRY_DELAY_MS > deadline) throw error;
        await sleep(RETRY_DELAY_MS);
      }
    }
  }

  private async addAll(
    delivery: XeniooDelivery,
    entries: readonly XeniooEntry[],
    callId: string,
    deadline: number,
  ): Promise<void> {
    const open = await this.connection.open();
    await this.removeLeftovers(open);
    for (let from = 0; from < entries.length; from += JOBS_PER_COMMAND) {
      if (performance.now() > deadline)
        throw new Error('adding the jobs took too long');
      const jobs = entries
        .slice(from, from + JOBS_PER_COMMAND)
        .map((entry, index) =>
          this.jobOf(entry, delivery, `${callId}.${from + index}`),
        );
      const bytes = jobs.reduce((sum, { data }) => sum + data.task.length, 0);
      await open.state.assertMemoryFor(jobs.length, bytes);
      await this.addBatch(open, jobs);
      await this.claim(open, jobs, delivery.bot);
    }
  }

  private async addBatch(
    open: OpenQueue,
    jobs: readonly NewJob[],
  ): Promise<void> {
    try {
      await addJobs(open.queue, jobs);
    } catch (error) {
      for (const { opts } of jobs) this.leftovers.add(opts.jobId);
      // If it fails, the next call begins with it.
      await this.removeLeftovers(open).catch(() => {});
      throw error;
    }
  }

  private async removeLeftovers(open: OpenQueue): Promise<void> {
    if (this.leftovers.size === 0) return;
    const ids = [...this.leftovers];
    await removeUnlisted(open, ids);
    for (const id of ids) this.leftovers.delete(id);
  }

  /** Creates a job; its id is that of the entry if BullMQ is to drop duplicates, and unique otherwise. */
  private jobOf(
    entry: XeniooEntry,
    { carrier }: XeniooDelivery,
    suffix: string,
  ): NewJob {
    const { dedupe } = this.settings;
    const task = { entry, attempts: 0, carrier };
    const id = dedupe ? dedupeId(entry) : undefined;
    if (dedupe && id !== undefined) {
      const deduplication = { id, ttl: dedupe.ttlSeconds * 1_000 };
      return this.jobs.ofTask(task, { jobId: id, deduplication });
    }
    const isInvalid = isInvalidEntry(entry);
    const jobId = isInvalid ? entry.id : `${entry.id}~${suffix}`;
    return this.jobs.ofTask(task, { jobId });
  }

  private async claim(
    { client, queue }: OpenQueue,
    jobs: readonly NewJob[],
    bot: string,
  ): Promise<void> {
    const { dedupe } = this.settings;
    if (!dedupe) return;
    this.claims ??= new RedisClaims(
      client,
      key => queue.toKey(key),
      dedupe,
      this.reportDuplicates,
    );
    const ids = jobs.flatMap(({ opts }) => opts.deduplication?.id ?? []);
    // Ignores errors: the events are stored, and BullMQ's own keys of the ids expire.
    if (ids.length > 0) await this.claims.add(ids, bot).catch(() => {});
  }

  private errorOf(reason: string): XeniooInboxError {
    return new XeniooInboxError(
      `the BullMQ inbox, ${this.connection.name}: ${reason}`,
    );
  }
}
