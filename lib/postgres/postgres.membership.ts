import { Logger } from '@nestjs/common';
import type { PostgresDatabase } from './postgres.database.js';
import { PostgresSession } from './postgres.session.js';
import { SESSION_LOST_AFTER_MS } from './postgres.statements.js';

/** Time in milliseconds between two signs of life. */
const BEAT_EVERY_MS = 500;

/** Beats between two looks for tasks that this process has in hand without knowing it. */
const GIVE_BACK_EVERY = 10;

/** Calls of a membership to the processor of the same process. */
export interface MembershipEvents {
  /** This process is registered under an id, for the first time or again. */
  onEnrolled(): void;
  /** This process is known to be alive to the others. */
  onBeat(): void;
  /** Other processes may have left tasks. */
  onWoken(): void;
  /** Tasks during which processes died wait to be run alone. */
  onSuspects(): void;
  /** Returns what this process has in hand; nothing while it claims. */
  held(): { lanes: string[]; retries: string[] } | undefined;
}

/** Registers this process as a worker, gives signs of life, and gives back the tasks of workers that died. */
export class PostgresMembership {
  private readonly logger = new Logger('Xenioo');
  private id: string | undefined;
  private session: PostgresSession | undefined;
  private timer: NodeJS.Timeout | undefined;
  private beats = 0;
  private beatAt = -Infinity;
  private isDoubtful = false;
  private isClosed = false;
  private beating: Promise<void> = Promise.resolve();

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
   * False where other processes may have taken this one for dead: it was frozen, or
   * does not reach the database. What it has in hand may run elsewhere then.
   */
  get isFresh(): boolean {
    const { hasSession, leaseMs } = this.options;
    const limit = hasSession ? SESSION_LOST_AFTER_MS : leaseMs;
    return performance.now() - this.beatAt < limit;
  }

  start(): void {
    this.beating = this.beat();
  }

  /** The answer to a claim was lost: this process may have tasks in hand without knowing it. */
  doubt(): void {
    this.isDoubtful = true;
  }

  /** Resolves when this process is no worker any more; what it has in hand is given back. */
  async stop(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.timer);
    this.session?.close();
    await this.beating;
    const { id } = this;
    this.id = undefined;
    if (id === undefined) return;
    await this.database.query('giveBack', [id, '{}', '{}']);
    await this.database.query('resign', [id]);
  }

  private async beat(): Promise<void> {
    const askedAt = performance.now();
    try {
      await this.signOfLife();
      this.beatAt = askedAt;
      this.events.onBeat();
      const reaped = await this.database.query('reap', [this.options.leaseMs]);
      if (reaped.length > 0) {
        this.logger.warn(
          `${reaped.length} processes that handled events have ended or hang; their events go on here or elsewhere.`,
        );
      }
      if (reaped.length > 0) this.events.onWoken();
      await this.giveBackUnknown();
      const [row] = await this.database.query('hasSuspects');
      if (row?.['found'] === 't') this.events.onSuspects();
      this.database.reportRecovery(askedAt);
    } catch (error) {
      this.database.reportFailure(error);
    }
    if (this.isClosed) return;
    // Keeps the process of a worker alive, which may have nothing else that does.
    this.timer = setTimeout(() => {
      this.beating = this.beat();
    }, BEAT_EVERY_MS);
  }

  private async signOfLife(): Promise<void> {
    if (this.id !== undefined) {
      const rows = await this.database.query('beat', [this.id]);
      if (rows.length > 0) return;
      this.logger.warn(
        `Other processes took this one for dead (\`leaseMs\`): events that it was handling may run again elsewhere.`,
      );
    }
    const { hasSession } = this.options;
    const [row] = await this.database.query('enrol', [hasSession]);
    this.id = row!['id']!;
    // In the same turn: from now on tasks are claimed under the new id.
    this.events.onEnrolled();
    this.session?.close();
    if (!hasSession || this.isClosed) return;
    this.session = new PostgresSession(
      this.database,
      this.options,
      this.id,
      () => this.events.onWoken(),
    );
    void this.session.open();
  }

  private async giveBackUnknown(): Promise<void> {
    const isDue = ++this.beats % GIVE_BACK_EVERY === 0;
    if (!isDue && !this.isDoubtful) return;
    const held = this.events.held();
    if (!held) return;
    this.isDoubtful = false;
    const given = await this.database.query('giveBack', [
      this.id,
      held.lanes,
      held.retries,
    ]);
    if (given.length > 0) this.events.onWoken();
  }
}
