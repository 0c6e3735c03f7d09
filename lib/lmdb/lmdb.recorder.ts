import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../describe-error.js';
import { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import type { XeniooSettlement } from '../handlers/xenioo.dispatch.js';
import {
  letterOfFailures,
  letterOfInvalid,
  type XeniooDeadLetter,
} from '../inbox/dead-letter.js';
import { wasUnderstood } from '../inbox/stored-entry.js';
import type { GroupCommit } from '../inbox/group-commit.js';
import type { LmdbDeadLetters } from './lmdb.dead-letters.js';
import type { Batch } from './lmdb.folder.js';
import type { LmdbStore } from './lmdb.store.js';
import type { PendingKey } from './lmdb.tables.js';

/** How long to wait when the disk does not take what was done. */
const RECORD_AGAIN_AFTER_MS = 1_000;

/** How often it is told that it does not. */
const TELL_EVERY_MS = 60_000;

/** What came of an attempt, and where the entry waited. */
export interface Attempted {
  readonly entry: XeniooEntry;
  readonly settlement: XeniooSettlement;
  readonly key: PendingKey;
  /** The entry as it is stored. */
  readonly text: () => string | undefined;
  readonly take: () => void;
}

/** Writes what came of attempts. */
export class LmdbRecorder {
  private readonly logger = new Logger('Xenioo');
  private isAbandoned = false;
  private toldAt = -Infinity;

  constructor(
    private readonly store: LmdbStore,
    private readonly letters: LmdbDeadLetters,
    private readonly commit: GroupCommit<Batch>,
  ) {}

  /** What is still being handled is not recorded any more: it will be handled again. */
  abandon(): void {
    this.isAbandoned = true;
  }

  /** Writes what came of an attempt, in one commit with taking the entry from where it waited. */
  async record(attempted: Attempted): Promise<void> {
    for (let isFirst = true; !this.isAbandoned; isFirst = false) {
      try {
        await this.write(attempted);
        await attempted.settlement.announce();
        return;
      } catch (error) {
        if (isFirst) this.tellUnrecorded(error);
        await sleep(RECORD_AGAIN_AFTER_MS, undefined, { ref: false });
      }
    }
  }

  private async write(attempted: Attempted): Promise<void> {
    const { entry, settlement, key, take } = attempted;
    const { retryAt, progress, failures } = settlement;
    const needsText =
      retryAt !== undefined || entry instanceof InvalidXeniooEntry;
    const text = needsText ? attempted.text() : undefined;
    const move = () => {
      take();
      if (retryAt === undefined || text === undefined) return;
      this.store.addRetry(retryAt, key, { text, progress });
    };
    if (failures.length > 0) {
      const letterOf = (earlier?: XeniooDeadLetter) =>
        letterOfFailures(entry, failures, earlier?.failures);
      await this.letters.merge(entry.id, letterOf, move);
      return;
    }
    const isLetter =
      entry instanceof InvalidXeniooEntry &&
      text !== undefined &&
      wasUnderstood(text);
    if (text === undefined) {
      await this.commit.writeSoon(move);
      return;
    }
    const work = (batch: Batch) => {
      move();
      if (isLetter) this.letters.add(batch, letterOfInvalid(entry));
    };
    await this.commit.write(work, { bytes: text.length });
  }

  private tellUnrecorded(error: unknown): void {
    const now = performance.now();
    if (now - this.toldAt < TELL_EVERY_MS) return;
    this.toldAt = now;
    this.logger.error(
      `What handlers have done could not be written to the LMDB inbox, and is tried again: ${describeError(error).message}`,
    );
  }
}
