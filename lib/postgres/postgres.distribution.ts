import { setTimeout as sleep } from 'node:timers/promises';
import type { XeniooDuplicates } from '../handlers/xenioo.observers.js';
import type { XeniooDedupeSettings } from '../options/xenioo-dedupe.js';
import type { PostgresDatabase } from './postgres.database.js';

const RETRY_AFTER_MS = 200;

/** Share of `maxIds` by which stored ids may exceed it: removing the oldest reads them all. */
const SLACK = 0.1;

/** Number of new ids after which all ids are counted: other processes add ids too. */
const COUNT_EVERY = 10_000;

/** Moves accepted events to their conversations, and drops duplicates. */
export class PostgresDistribution {
  private isRunning = false;
  private isWoken = false;
  private isClosed = false;
  private pollTimer: NodeJS.Timeout | undefined;
  /** Number of accepted ids: the last count plus the ids added by this process since. */
  private idCount = Infinity;
  private sinceCounted = 0;

  constructor(
    private readonly database: PostgresDatabase,
    private readonly dedupe: XeniooDedupeSettings | false,
    private readonly pollMs: number,
    private readonly events: {
      /** Called when there may be events in conversations. */
      onDistributed(): void;
      onDuplicates(duplicates: XeniooDuplicates): void;
    },
  ) {}

  /** False while a statement or the report of its duplicates is in progress. */
  get isSettled(): boolean {
    return !this.isRunning;
  }

  start(): void {
    this.pollTimer = setInterval(() => this.wake(), this.pollMs).unref();
    this.wake();
  }

  close(): void {
    this.isClosed = true;
    clearInterval(this.pollTimer);
  }

  /** Distributes accepted events; called when there may be new ones. */
  wake(): void {
    this.isWoken = true;
    if (!this.isRunning) void this.run();
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    while (this.isWoken && !this.isClosed) {
      this.isWoken = false;
      const askedAt = performance.now();
      try {
        if (await this.distribute()) this.isWoken = true;
        this.database.reportRecovery(askedAt);
      } catch (error) {
        this.database.reportFailure(error, askedAt);
        await sleep(RETRY_AFTER_MS, undefined, { ref: false });
      }
      this.events.onDistributed();
    }
    this.isRunning = false;
  }

  /** Distributes the first arrivals; returns false if there are none. */
  private async distribute(): Promise<boolean> {
    const { dedupe } = this;
    const [row] = await this.database.query('distribute', [
      dedupe ? dedupe.ttlSeconds : 0,
    ]);
    const { arrivals, ids, duplicates } = row!;
    const counts = JSON.parse(duplicates ?? '[]') as XeniooDuplicates[];
    for (const each of counts) this.events.onDuplicates(each);
    await this.forgetOldest(Number(ids));
    return Number(arrivals) > 0;
  }

  /** Removes the oldest ids beyond `maxIds`. Ids that other processes added are counted every `COUNT_EVERY` new ids. */
  private async forgetOldest(added: number): Promise<void> {
    const { dedupe } = this;
    if (!dedupe || added === 0) return;
    this.idCount += added;
    this.sinceCounted += added;
    const slack = Math.floor(dedupe.maxIds * SLACK);
    const isCountDue = this.sinceCounted > COUNT_EVERY;
    if (!isCountDue && this.idCount <= dedupe.maxIds + slack) return;
    this.sinceCounted = 0;
    const [row] = await this.database.query('countAccepted');
    this.idCount = Number(row!['count']);
    const excess = this.idCount - dedupe.maxIds;
    if (excess <= 0) return;
    await this.database.query('trimAccepted', [excess]);
    this.idCount -= excess;
  }
}
