import type { Client } from 'pg';
import type { PostgresDatabase } from './postgres.database.js';

const REOPEN_AFTER_MS = 500;

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
    } catch {
      void client.end().catch(() => {});
      this.reopenLater();
    }
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
    clearTimeout(this.checkTimer);
    void this.#client?.end().catch(() => {});
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
