import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { XeniooDelivery } from '../events/xenioo-delivery.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import type { XeniooDuplicates } from '../handlers/xenioo.observers.js';
import { dedupeId } from '../inbox/entries.js';
import { inOrderOfDate } from '../inbox/entries.js';
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
import { isInvalidEntry } from '../events/xenioo-event.table.js';

const RETRY_AFTER_MS = 100;

const PROBE_TTL_MS = 1_000;

/** Adds a job for each entry of a call. */
export class BullmqAcceptance {
  private claims: RedisClaims | undefined;

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
   * Resolves when Redis has committed every entry, or had before.
   * @throws {XeniooInboxError} when it has not within `acceptTimeoutMs`. What it
   * took all the same is handled, and dropped when it comes again with a `Date`.
   */
  async accept(delivery: XeniooDelivery): Promise<void> {
    const latest = performance.now() + this.settings.acceptTimeoutMs;
    await this.finishInTime(this.addUntil(delivery, latest));
  }

  /**
   * Resolves when Redis has taken a write that it forgets in a second.
   * @throws {XeniooInboxError} when it has not within `acceptTimeoutMs`, or its memory is full
   */
  async probe(): Promise<void> {
    await this.finishInTime(this.writeProbe());
  }

  /** Resolves when the duplicates of earlier calls are reported. */
  async flush(): Promise<void> {
    await this.claims?.list();
  }

  close(): void {
    this.claims?.close();
  }

  private async finishInTime(work: Promise<void>): Promise<void> {
    const { acceptTimeoutMs } = this.settings;
    try {
      if (await settledWithin(work, acceptTimeoutMs)) return;
    } catch (error) {
      // Errors of the clients hold what they were given: only their message goes on.
      throw this.refusal(reasonOf(error));
    }
    throw this.refusal(
      `no answer in ${acceptTimeoutMs} ms (\`acceptTimeoutMs\`)`,
    );
  }

  private async writeProbe(): Promise<void> {
    const { client, queue, state } = await this.connection.open();
    await state.assertRoomFor(0, 0);
    await client.set(queue.toKey('health'), '', 'PX', PROBE_TTL_MS);
  }

  private async addUntil(
    delivery: XeniooDelivery,
    latest: number,
  ): Promise<void> {
    const entries = inOrderOfDate(delivery.entries);
    const callId = randomUUID().slice(0, 8);
    for (;;) {
      const askedAt = performance.now();
      try {
        await this.addAll(delivery, entries, callId, latest);
        this.connection.reportRecovery(askedAt);
        return;
      } catch (error) {
        this.connection.reportFailure(error);
        if (performance.now() + RETRY_AFTER_MS > latest) throw error;
        await sleep(RETRY_AFTER_MS);
      }
    }
  }

  private async addAll(
    delivery: XeniooDelivery,
    entries: readonly XeniooEntry[],
    callId: string,
    latest: number,
  ): Promise<void> {
    const open = await this.connection.open();
    for (let from = 0; from < entries.length; from += JOBS_PER_COMMAND) {
      if (performance.now() > latest)
        throw new Error('the call takes too long');
      const jobs = entries
        .slice(from, from + JOBS_PER_COMMAND)
        .map((entry, index) =>
          this.jobOf(entry, delivery, `${callId}.${from + index}`),
        );
      const bytes = jobs.reduce((sum, { data }) => sum + data.task.length, 0);
      await open.state.assertRoomFor(jobs.length, bytes);
      await addJobs(open.queue, jobs);
      await this.claim(open, jobs, delivery.bot);
    }
  }

  /** Gives the job the id of its entry; one of its own where nothing drops another job of the same event. */
  private jobOf(
    entry: XeniooEntry,
    { carrier }: XeniooDelivery,
    place: string,
  ): NewJob {
    const { dedupe } = this.settings;
    const task = { entry, attempts: 0, carrier };
    const id = dedupe ? dedupeId(entry) : undefined;
    if (dedupe && id !== undefined) {
      const deduplication = { id, ttl: dedupe.ttlSeconds * 1_000 };
      return this.jobs.ofTask(task, { jobId: id, deduplication });
    }
    const isInvalid = isInvalidEntry(entry);
    const jobId = isInvalid ? entry.id : `${entry.id}~${place}`;
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
    // The events are safe: ids that can't be listed are forgotten in time.
    if (ids.length > 0) await this.claims.add(ids, bot).catch(() => {});
  }

  private refusal(reason: string): XeniooInboxError {
    return new XeniooInboxError(
      `the BullMQ inbox, ${this.connection.name}: ${reason}`,
    );
  }
}
