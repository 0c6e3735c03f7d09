import { Logger } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import type { XeniooDedupeSettings } from '../options/xenioo-dedupe.js';
import { plural } from '../plural.js';
import type { PostgresDatabase } from './postgres.database.js';
import { PURGE_BATCH_SIZE } from './postgres.statements.js';

const PURGE_EVERY_MS = 600_000;

/** Removes old dead letters and accepted ids periodically. Several processes may do so at once. */
export class PostgresPurge {
  private readonly logger = new Logger('Xenioo');
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: PostgresDatabase,
    private readonly deadLetterRetentionDays: number,
    private readonly dedupe: XeniooDedupeSettings | false,
  ) {}

  start(): void {
    void this.purge();
    this.timer = setInterval(() => void this.purge(), PURGE_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** Removes everything that is too old, in batches. */
  async purge(): Promise<void> {
    const days = this.deadLetterRetentionDays;
    try {
      const letters = await this.removeAll('purgeLetters', days);
      if (letters > 0) {
        this.logger.warn(
          `Removed ${plural(letters, 'dead letter')} older than ${plural(days, 'day')} (\`deadLetterRetentionDays\`).`,
        );
      }
      if (this.dedupe)
        await this.removeAll('purgeAccepted', this.dedupe.ttlSeconds);
    } catch (error) {
      if (this.database.isFailing) return;
      this.logger.error(
        `Removing old dead letters and expired ids failed; retrying in ten minutes: ${describeError(error).message}`,
      );
    }
  }

  private async removeAll(
    statement: 'purgeLetters' | 'purgeAccepted',
    age: number,
  ): Promise<number> {
    let removed = 0;
    for (;;) {
      const { length } = await this.database.query(statement, [age]);
      removed += length;
      if (length < PURGE_BATCH_SIZE) return removed;
    }
  }
}
