import { Logger } from '@nestjs/common';

/** Counts the entries that were dropped because they were accepted before. */
export class DroppedLog {
  private readonly logger = new Logger('Xenioo');
  private dropped = 0;

  note(count: number): void {
    if (count === 0) return;
    this.dropped += count;
    this.logger.debug(
      `Dropped ${count} entries that were accepted before (\`dedupe\`), ${this.dropped} since the start.`,
    );
  }
}
