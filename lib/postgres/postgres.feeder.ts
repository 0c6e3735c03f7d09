import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresClaims } from './postgres.claims.js';
import type { PostgresDatabase } from './postgres.database.js';
import type { PostgresMembership } from './postgres.membership.js';
import type { PostgresProcessor } from './postgres.processor.js';

/** Tasks that are claimed beyond those that run: as many as run in this time, in milliseconds. */
const AHEAD_MS = 100;
const MAX_AHEAD = 512;

const CLAIM_AGAIN_AFTER_MS = 200;

/** Claims tasks for the processor: conversations when others are accepted or let go, retries when they are due. */
export class PostgresFeeder {
  private isOpen = false;
  private isClaiming = false;
  private isClaimingRetries = false;
  /** True while there was nothing to claim at the last look. */
  private isDry = false;
  private hasSuspects = false;
  /** More retries are due than were claimed. */
  private hasMoreRetries = false;
  private retryTimer: NodeJS.Timeout | undefined;
  private pollTimer: NodeJS.Timeout | undefined;
  private ratedAt = performance.now();
  private startedBefore = 0;
  private perMs = 0;

  constructor(
    private readonly database: PostgresDatabase,
    private readonly claims: PostgresClaims,
    private readonly membership: PostgresMembership,
    private readonly processor: PostgresProcessor,
    private readonly concurrency: number,
    private readonly pollMs: number,
  ) {}

  /** False while the answer to a claim is awaited. */
  get isSettled(): boolean {
    return !this.isClaiming && !this.isClaimingRetries;
  }

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

  /** There may be tasks to claim. */
  wake(): void {
    this.isDry = false;
    void this.claim();
  }

  /** Tasks during which processes died wait to be run, each alone. */
  foundSuspects(): void {
    this.hasSuspects = true;
    void this.claim();
  }

  /** Makes use of the room in the processor. */
  fill(): void {
    void this.claim();
    if (this.hasMoreRetries) void this.claimRetries();
  }

  /** Claims retries once the first of them is due. */
  claimRetriesIn(inMs: number): void {
    clearTimeout(this.retryTimer);
    if (!this.isOpen || inMs > this.pollMs) return;
    this.retryTimer = setTimeout(
      () => void this.claimRetries(),
      Math.max(0, Math.ceil(inMs)),
    );
  }

  private async claim(): Promise<void> {
    const worker = this.membership.worker;
    if (!this.isOpen || this.isClaiming || worker === undefined) return;
    if (this.hasSuspects) {
      if (this.isSettled && this.processor.isEmptyHanded) {
        await this.guarded(() => this.claimSuspect(worker));
      }
      return;
    }
    const { room } = this;
    const isWorthwhile =
      this.processor.waiting === 0 || room >= this.concurrency / 2;
    if (this.isDry || room < 1 || !isWorthwhile) return;
    // Who is woken meanwhile says otherwise.
    this.isDry = true;
    await this.guarded(async () => {
      const lanes = await this.claims.lanes(worker, room);
      if (lanes.length > 0) this.isDry = false;
      for (const lane of lanes) this.processor.add(lane);
    });
  }

  /** Claims one task that runs alone; where there is none, all others may run again. */
  private async claimSuspect(worker: string): Promise<void> {
    const suspect =
      (await this.claims.suspectLane(worker)) ??
      (await this.claims.suspectRetry(worker));
    if (suspect) this.processor.add(suspect);
    else this.hasSuspects = false;
  }

  private async guarded(work: () => Promise<void>): Promise<void> {
    this.isClaiming = true;
    const askedAt = performance.now();
    let hasFailed = false;
    try {
      await work();
      this.database.reportRecovery(askedAt);
    } catch (error) {
      hasFailed = true;
      this.database.reportFailure(error);
      this.membership.doubt();
      await sleep(CLAIM_AGAIN_AFTER_MS, undefined, { ref: false });
      this.isDry = false;
    }
    this.isClaiming = false;
    if (!hasFailed || this.isOpen) void this.claim();
  }

  private async claimRetries(): Promise<void> {
    const worker = this.membership.worker;
    const { running, waiting } = this.processor;
    const room = this.concurrency - running - waiting;
    this.hasMoreRetries = room < 1;
    if (
      !this.isOpen ||
      this.isClaimingRetries ||
      this.hasSuspects ||
      worker === undefined ||
      room < 1
    ) {
      return;
    }
    this.isClaimingRetries = true;
    try {
      const retries = await this.claims.retries(worker, room);
      for (const retry of retries) this.processor.add(retry);
      this.hasMoreRetries = retries.length >= room;
      const inMs = await this.claims.nextRetryInMs();
      if (inMs !== undefined && !this.hasMoreRetries) this.claimRetriesIn(inMs);
    } catch (error) {
      this.database.reportFailure(error);
      this.membership.doubt();
    }
    this.isClaimingRetries = false;
    void this.claim();
  }

  /** Lanes to claim: free places, and as many more as run soon. */
  private get room(): number {
    const { running, waiting, started } = this.processor;
    const now = performance.now();
    if (now - this.ratedAt > AHEAD_MS) {
      this.perMs = (started - this.startedBefore) / (now - this.ratedAt);
      this.ratedAt = now;
      this.startedBefore = started;
    }
    const ahead = Math.min(MAX_AHEAD, Math.floor(this.perMs * AHEAD_MS));
    return this.concurrency - running - waiting + ahead;
  }
}
