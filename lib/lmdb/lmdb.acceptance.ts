import { describeError } from '../describe-error.js';
import { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import { letterOfInvalid } from '../inbox/dead-letter.js';
import { DroppedLog } from '../inbox/dropped-log.js';
import { inOrderOfDate } from '../inbox/in-order-of-date.js';
import { storeEntry } from '../inbox/stored-entry.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import {
  CommitTimeout,
  type GroupCommit,
  type Work,
} from '../inbox/group-commit.js';
import type { Batch } from './lmdb.folder.js';
import type { LmdbClaims } from './lmdb.claims.js';
import type { LmdbDeadLetters } from './lmdb.dead-letters.js';
import type { LmdbStore } from './lmdb.store.js';

/** What was written of a call, under which number; no entry where it was dropped. */
export interface Accepted {
  readonly number: number;
  readonly entry: XeniooEntry | undefined;
}

interface Taken extends Accepted {
  readonly isTaken: true | Promise<boolean>;
}

/** Writes what calls bring. */
export class LmdbAcceptance {
  private readonly log = new DroppedLog();

  constructor(
    private readonly path: string,
    private readonly store: LmdbStore,
    private readonly claims: LmdbClaims,
    private readonly letters: LmdbDeadLetters,
    private readonly commit: GroupCommit<Batch>,
    private readonly acceptTimeoutMs: number,
  ) {}

  /**
   * Resolves when every entry is synced to the disk, or known to have been before.
   * @throws {XeniooInboxError} when that can't be; then nothing was written
   */
  async accept(entries: readonly XeniooEntry[]): Promise<Accepted[]> {
    const texts = inOrderOfDate(entries).map(entry => ({
      entry,
      text: storeEntry(entry),
    }));
    const known = this.claims.look(entries);
    const bytes = texts.reduce((sum, { text }) => sum + text.length, 0);
    let taken: Taken[] = [];
    await this.write(batch => {
      this.claims.makeRoom(batch, known);
      taken = texts.map(({ entry, text }) => {
        // Only here are numbers in the order in which they are written.
        const key = this.store.nextKey();
        const isTaken = this.claims.claim(batch, entry, known, () => {
          this.store.addPending(key, text);
          if (entry instanceof InvalidXeniooEntry) {
            this.letters.add(batch, letterOfInvalid(entry));
          }
        });
        return { number: key[1], entry, isTaken };
      });
    }, bytes);
    const accepted: Accepted[] = [];
    for (const { number, entry, isTaken } of taken) {
      const isNew = isTaken === true || (await isTaken);
      accepted.push({ number, entry: isNew ? entry : undefined });
    }
    this.log.note(accepted.filter(({ entry }) => !entry).length);
    return accepted;
  }

  /** @throws {XeniooInboxError} when it can't be written, or not in time */
  private async write(work: Work<Batch>, bytes: number): Promise<void> {
    const { acceptTimeoutMs } = this;
    try {
      await this.commit.write(work, { bytes, timeoutMs: acceptTimeoutMs });
    } catch (error) {
      const why =
        error instanceof CommitTimeout
          ? `its disk is too slow: nothing could be written within ${acceptTimeoutMs} ms (\`acceptTimeoutMs\`)`
          : `its disk does not take it: ${describeError(error).message}`;
      throw new XeniooInboxError(`the LMDB inbox at ${this.path}: ${why}`, {
        cause: error,
      });
    }
  }
}
