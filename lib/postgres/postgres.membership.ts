import { Logger } from '@nestjs/common';
import type { PostgresDatabase } from './postgres.database.js';
import { PostgresSession } from './postgres.session.js';
import { SESSION_LOST_AFTER_MS } from './postgres.statements.js';

/** Interval of heartbeats in milliseconds. */
const HEARTBEAT_EVERY_MS = 500;

/** Number of heartbeats between two checks for tasks that this process has claimed without knowing it. */
const CHECK_CLAIMS_EVERY = 10;

/** Callbacks of a `PostgresMembership`. */
export interface MembershipEvents {
  /** Called when this process was registered under a new id, for the first time or again. */
  onRegistered(): void;
  /** Called after each successful heartbeat. */
  onHeartbeat(): void;
  /** Called when there may be tasks to claim. */
  onTasksAvailable(): void;
  /** Called when there are tasks during which processes died; each runs alone. */
  onSuspects(): void;
  /** Calls `check` with the tasks that this process has claimed, and claims nothing until it resolves. Does neither while a claim is in progress. */
  checkClaims(
    check: (claimed: { lanes: string[]; retries: string[] }) => Promise<void>,
  ): Promise<void>;
}

/** Registers this process as a worker, sends heartbeats, and releases the tasks of workers that died. */
export class PostgresMembership {
  private readonly logger = new Logger('Xenioo');
  private id: string | undefined;
  private session: PostgresSession | undefined;
  private timer: NodeJS.Timeout | undefined;
  private heartbeats = 0;
  private heartbeatAt = -Infinity;
  private isCheckDue = false;
  private isClosed = false;
  private heartbeat: Promise<void> = Promise.resolve();

  constructor(
    private readonly database: PostgresDatabase,
    private readonly options: {
      readonly channel: string;
      readonly leaseMs: number;
      readonly hasSession: boolean;
      readonly sender: string;
    },
    private readonly events: MembershipEvents,
  ) {}

  /** Id of this process among the workers; absent before it is registered. */
  get worker(): string | undefined {
    return this.id;
  }

  /**
   * False if other processes may have taken over the tasks of this one, because it
   * was suspended or could not reach the database.
   */
  get isLeaseValid(): boolean {
    const { hasSession, leaseMs } = this.options;
    const limit = hasSession ? SESSION_LOST_AFTER_MS : leaseMs;
    return performance.now() - this.heartbeatAt < limit;
  }

  start(): void {
    this.heartbeat = this.sendHeartbeat();
  }

  /** Checks the claims at the next heartbeat: after a lost answer, this process may have claimed tasks without knowing it. */
  checkClaimsSoon(): void {
    this.isCheckDue = true;
  }

  /** Ends this worker, and releases the tasks that it has claimed. */
  async stop(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.timer);
    this.session?.close();
    await this.heartbeat;
    const { id } = this;
    this.id = undefined;
    if (id === undefined) return;
    await this.database.query('endWorker', [id]);
    await this.database.query('releaseClaims', [id, '{}', '{}']);
  }

  private async sendHeartbeat(): Promise<void> {
    const askedAt = performance.now();
    try {
      await this.renewOrRegister();
      this.heartbeatAt = askedAt;
      this.events.onHeartbeat();
      const dead = await this.database.query('releaseDeadWorkers', [this.id]);
      if (dead.length > 0) {
        this.logger.warn(
          `Workers ended or stopped sending heartbeats (processes: ${dead.length}); their events are handled by the remaining workers.`,
        );
      }
      if (dead.length > 0) this.events.onTasksAvailable();
      await this.releaseUnknownClaims();
      const [row] = await this.database.query('hasSuspects');
      if (row?.['found'] === 't') this.events.onSuspects();
      this.database.reportRecovery(askedAt);
    } catch (error) {
      this.database.reportFailure(error, askedAt);
    }
    if (this.isClosed) return;
    // Not unref'ed: it keeps a worker process without a server alive.
    this.timer = setTimeout(() => {
      this.heartbeat = this.sendHeartbeat();
    }, HEARTBEAT_EVERY_MS);
  }

  private async renewOrRegister(): Promise<void> {
    if (this.id !== undefined) {
      const rows = await this.database.query('heartbeat', [this.id]);
      if (rows.length > 0) return;
      this.logger.warn(
        `Other processes took over the events of this one, which sent no heartbeat in time; handlers may run twice. Possible causes: ${this.database.name} was unreachable, a handler blocked the event loop, or the process was suspended. If this recurs, raise \`leaseMs\`.`,
      );
    }
    const { hasSession, leaseMs } = this.options;
    const [row] = await this.database.query('registerWorker', [
      hasSession,
      leaseMs,
    ]);
    this.id = row!['id']!;
    // Called synchronously: from now on tasks are claimed under the new id.
    this.events.onRegistered();
    this.session?.close();
    if (!hasSession || this.isClosed) return;
    this.session = new PostgresSession(
      this.database,
      this.options,
      this.id,
      () => this.events.onTasksAvailable(),
    );
    void this.session.open();
  }

  private async releaseUnknownClaims(): Promise<void> {
    const isPeriodic = ++this.heartbeats % CHECK_CLAIMS_EVERY === 0;
    if (!isPeriodic && !this.isCheckDue) return;
    await this.events.checkClaims(async ({ lanes, retries }) => {
      this.isCheckDue = false;
      const values = [this.id, lanes, retries];
      const released = await this.database.query('releaseClaims', values);
      if (released.length > 0) this.events.onTasksAvailable();
    });
  }
}
