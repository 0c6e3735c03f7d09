import { Logger } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import type { GroupCommit } from '../inbox/group-commit.js';
import type { LmdbClaims } from './lmdb.claims.js';
import type { LmdbDeadLetters } from './lmdb.dead-letters.js';
import type { Batch, LmdbFolder } from './lmdb.folder.js';

const DAY_MS = 86_400_000;

/** Takes away what is too old. */
export class LmdbTidying {
  private readonly logger = new Logger('Xenioo');

  constructor(
    private readonly folder: LmdbFolder,
    private readonly claims: LmdbClaims,
    private readonly letters: LmdbDeadLetters,
    private readonly commit: GroupCommit<Batch>,
    private readonly keepDeadLettersDays: number,
  ) {}

  async tidyUp(): Promise<void> {
    const { keepDeadLettersDays } = this;
    const oldest = new Date(Date.now() - keepDeadLettersDays * DAY_MS);
    try {
      this.folder.forgetDeadReaders();
      await this.commit.write(batch => this.claims.forgetExpired(batch));
      const removed = await this.letters.removeOlderThan(oldest);
      if (removed === 0) return;
      this.logger.warn(
        `Removed ${removed} dead letters older than ${keepDeadLettersDays} days (\`keepDeadLettersDays\`).`,
      );
    } catch (error) {
      this.logger.error(
        `Old dead letters could not be removed: ${describeError(error).message}`,
      );
    }
  }
}
