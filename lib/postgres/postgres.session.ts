import type { Client } from 'pg';
import type { PostgresDatabase } from './postgres.database.js';

const OPEN_AGAIN_AFTER_MS = 500;

/**
 * A connection of its own that hears of accepted events, and whose advisory lock
 * shows other processes that this one is alive.
 */
export class PostgresSession {
  // Private: whoever prints the inbox prints no password.
  #client: Client | undefined;
  private timer: NodeJS.Timeout | undefined;
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
    client.on('end', () => this.openSoon());
    try {
      await client.connect();
      await client.query(`LISTEN ${this.options.channel}`);
      // The old connection of this process may hold it until the server notices.
      await client.query('SELECT pg_try_advisory_lock($1, $2)', [
        this.database.lockKey,
        Number(BigInt(this.worker) & 0x7f_ff_ff_ffn),
      ]);
      // Notifications of the meantime are lost.
      this.onNotified();
    } catch {
      void client.end().catch(() => {});
      this.openSoon();
    }
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
    void this.#client?.end().catch(() => {});
  }

  private openSoon(): void {
    if (this.isClosed) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(
      () => void this.open(),
      OPEN_AGAIN_AFTER_MS,
    ).unref();
  }
}
