import { Logger } from '@nestjs/common';
import type { Client } from 'pg';
import { describeError } from '../describe-error.js';
import type { PostgresDatabase } from './postgres.database.js';

const REOPEN_AFTER_MS = 500;
const WARN_AFTER_FAILURES = 3;

/** Interval in milliseconds of checks that the server still answers. */
const CHECK_EVERY_MS = 5_000;

/**
 * Dedicated connection of a worker: receives notifications of accepted events, and
 * holds an advisory lock that shows other processes that this one is alive.
 */
export class PostgresSession {
  // A # field, so that printing the inbox shows no password.
  #client: Client | undefined;
  private timer: NodeJS.Timeout | undefined;
  private checkTimer: NodeJS.Timeout | undefined;
  private isClosed = false;
  private failures = 0;
  private readonly logger = new Logger('Xenioo');

  constructor(
    private readonly database: PostgresDatabase,
    private readonly options: {
      readonly channel: string;
      /** Payload of the notifications of this process. */
      readonly sender: string;
    },
    private readonly worker: string,
    private readonly onNotified: () => void,
  ) {}

  async open(): Promise<void> {
    if (this.isClosed) return;
    const client = this.database.createSession();
    this.#client = client;
    client.on('notification', ({ payload }) => {
      if (payload !== this.options.sender) this.onNotified();
    });
    client.on('end', () => this.reopenLater());
    try {
      await client.connect();
      await client.query(`LISTEN ${this.options.channel}`);
      // The previous connection of this process may hold the lock until the server closes it.
      await client.query('SELECT pg_try_advisory_lock($1, $2)', [
        this.database.lockKey,
        Number(BigInt(this.worker) & 0x7f_ff_ff_ffn),
      ]);
      // Notifications sent before LISTEN were missed.
      this.onNotified();
      this.checkLater(client);
      this.failures = 0;
    } catch (error) {
      void client.end().catch(() => {});
      this.reportFailure(error);
      this.reopenLater();
    }
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
    clearTimeout(this.checkTimer);
    void this.#client?.end().catch(() => {});
  }

  /** Logs that the session can't be opened though the database works, as with a limit of connections. */
  private reportFailure(error: unknown): void {
    if (++this.failures < WARN_AFTER_FAILURES || this.database.isFailing)
      return;
    this.failures = -Infinity;
    this.logger.warn(
      `The connection for notifications to ${this.database.name} failed; it is tried again: ${describeError(error).message}. Until it is open, events that other processes accept start up to a second later.`,
    );
  }

  /** Ends the connection if it gives no answer: the server may be gone without closing it. */
  private checkLater(client: Client): void {
    if (this.isClosed) return;
    this.checkTimer = setTimeout(() => {
      client.query('SELECT').then(
        () => this.checkLater(client),
        () => void client.end().catch(() => {}),
      );
    }, CHECK_EVERY_MS).unref();
  }

  private reopenLater(): void {
    if (this.isClosed) return;
    clearTimeout(this.timer);
    clearTimeout(this.checkTimer);
    this.timer = setTimeout(() => void this.open(), REOPEN_AFTER_MS).unref();
  }
}
