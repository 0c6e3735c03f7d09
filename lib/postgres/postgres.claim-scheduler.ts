import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresClaims } from './postgres.claims.js';
import type { PostgresDatabase } from './postgres.database.js';
import type { PostgresMembership } from './postgres.membership.js';
import type { PostgresProcessor } from './postgres.processor.js';

/** Time in milliseconds for which tasks are claimed ahead, at the current rate of runs. */
const CLAIM_AHEAD_MS = 100;
const MAX_CLAIMED_AHEAD = 512;

const RETRY_CLAIM_AFTER_MS = 200;

/** Claims tasks for the processor: conversations when events are accepted or conversations are released, and retries when they are due. */
export class PostgresClaimScheduler {
  private isOpen = false;
  private isClaiming = false;
  private isClaimingRetries = false;
  /** True if the last claim found nothing. */
  private isExhausted = false;
  private hasSuspects = false;
  /** True if more retries are due than were claimed. */
  private hasMoreRetries = false;
  private retryTimer: NodeJS.Timeout | undefined;
  private pollTimer: NodeJS.Timeout | undefined;
  private rateMeasuredAt = performance.now();
  private startedAtMeasurement = 0;
  private startsPerMs = 0;

  constructor(
    private readonly database: PostgresDatabase,
    private readonly claims: PostgresClaims,
    private readonly membership: PostgresMembership,
    private readonly processor: PostgresProcessor,
    private readonly concurrency: number,
    private readonly pollMs: number,
  ) {}

  open(): void {
    this.isOpen = true;
    clearInterval(this.pollTimer);
    this.pollTimer = setInterval(() => {
      this.wake();
      void this.claimRetries();
    }, this.pollMs).unref();
    this.wake();
    void this.claimRetries();
  }

  close(): void {
    this.isOpen = false;
    clearInterval(this.pollTimer);
    clearTimeout(this.retryTimer);
  }

  /** Claims conversations; called when there may be new ones. */
  wake(): void {
    this.isExhausted = false;
    void this.claim();
  }

  /** Claims tasks during which processes died, to run each of them alone. */
  claimSuspects(): void {
    this.hasSuspects = true;
    void this.claim();
  }

  /** Claims tasks for the free capacity of the processor. */
  claimMore(): void {
    void this.claim();
    if (this.hasMoreRetries) void this.claimRetries();
  }

  /** Claims retries after a delay in milliseconds, when the first of them is due. */
  claimRetriesIn(inMs: number): void {
    clearTimeout(this.retryTimer);
    if (!this.isOpen || inMs > this.pollMs) return;
    this.retryTimer = setTimeout(
      () => void this.claimRetries(),
      Math.max(0, Math.ceil(inMs)),
    );
  }

  /** Runs work during which nothing is claimed; skips it while a claim is in progress. */
  async betweenClaims(work: () => Promise<void>): Promise<void> {
    if (this.isClaiming || this.isClaimingRetries) return;
    this.isClaiming = true;
    this.isClaimingRetries = true;
    try {
      await work();
    } finally {
      this.isClaiming = false;
      this.isClaimingRetries = false;
      void this.claim();
      void this.claimRetries();
    }
  }

  private async claim(): Promise<void> {
    const worker = this.membership.worker;
    if (!this.isOpen || this.isClaiming || worker === undefined) return;
    if (this.hasSuspects) {
      if (!this.isClaimingRetries && this.processor.hasNoClaims) {
        await this.claimAndReport(() => this.claimSuspect(worker));
      }
      return;
    }
    const { claimable } = this;
    const isWorthwhile =
      this.processor.waiting === 0 || claimable >= this.concurrency / 2;
    if (this.isExhausted || claimable < 1 || !isWorthwhile) return;
    // wake() may set it to false during the claim.
    this.isExhausted = true;
    await this.claimAndReport(async () => {
      const conversations = await this.claims.conversations(worker, claimable);
      if (conversations.length > 0) this.isExhausted = false;
      for (const claimed of conversations) this.processor.add(claimed);
    });
  }

  /** Claims one suspect task; if there is none, the other tasks may run again. */
  private async claimSuspect(worker: string): Promise<void> {
    const suspect =
      (await this.claims.suspectConversation(worker)) ??
      (await this.claims.suspectRetry(worker));
    if (suspect) this.processor.add(suspect);
    else this.hasSuspects = false;
  }

  private async claimAndReport(work: () => Promise<void>): Promise<void> {
    this.isClaiming = true;
    const askedAt = performance.now();
    let hasFailed = false;
    try {
      await work();
      this.database.reportRecovery(askedAt);
    } catch (error) {
      hasFailed = true;
      this.database.reportFailure(error, askedAt);
      this.membership.checkClaimsSoon();
      await sleep(RETRY_CLAIM_AFTER_MS, undefined, { ref: false });
      this.isExhausted = false;
    }
    this.isClaiming = false;
    if (!hasFailed || this.isOpen) void this.claim();
  }

  private async claimRetries(): Promise<void> {
    const worker = this.membership.worker;
    const { running, waiting } = this.processor;
    const capacity = this.concurrency - running - waiting;
    this.hasMoreRetries = capacity < 1;
    if (
      !this.isOpen ||
      this.isClaimingRetries ||
      this.hasSuspects ||
      worker === undefined ||
      capacity < 1
    ) {
      return;
    }
    this.isClaimingRetries = true;
    const askedAt = performance.now();
    try {
      const retries = await this.claims.retries(worker, capacity);
      for (const retry of retries) this.processor.add(retry);
      this.hasMoreRetries = retries.length >= capacity;
      const inMs = await this.claims.nextRetryInMs();
      if (inMs !== undefined && !this.hasMoreRetries) this.claimRetriesIn(inMs);
    } catch (error) {
      this.database.reportFailure(error, askedAt);
      this.membership.checkClaimsSoon();
    }
    this.isClaimingRetries = false;
    void this.claim();
  }

  /** Number of conversations to claim: free capacity, and as many as start within `CLAIM_AHEAD_MS`. */
  private get claimable(): number {
    const { running, waiting, started } = this.processor;
    const now = performance.now();
    if (now - this.rateMeasuredAt > CLAIM_AHEAD_MS) {
      this.startsPerMs =
        (started - this.startedAtMeasurement) / (now - this.rateMeasuredAt);
      this.rateMeasuredAt = now;
      this.startedAtMeasurement = started;
    }
    const ahead = Math.min(
      MAX_CLAIMED_AHEAD,
      Math.floor(this.startsPerMs * CLAIM_AHEAD_MS),
    );
    return this.concurrency - running - waiting + ahead;
  }
}
