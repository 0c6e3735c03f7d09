import { Logger } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import type { XeniooDeadLetter } from '../handlers/xenioo-dead-letter.js';
import type { XeniooTask } from '../handlers/xenioo-task.js';
import { restoreDeadLetter, storeTask } from '../inbox/stored-form.js';
import {
  LETTERS_PER_PAGE,
  matchesFilter,
  type XeniooDeadLetterQuery,
  type XeniooDeadLetterStore,
} from '../inbox/xenioo.dead-letter-store.js';
import { XeniooDeadLetterError } from '../xenioo.errors.js';
import type { PostgresAcceptance } from './postgres.acceptance.js';
import type { PostgresDatabase } from './postgres.database.js';
import { bytesOf, storable } from './postgres.values.js';

const ROWS_PER_QUERY = 100;

/** Stores dead letters in the table `dead_letter`, which the view `dead_letters` presents as text. */
export class PostgresDeadLetters implements XeniooDeadLetterStore {
  private readonly logger = new Logger('Xenioo');

  constructor(
    private readonly database: PostgresDatabase,
    private readonly acceptance: PostgresAcceptance,
    /** Called when a letter was replaced by tasks. */
    private readonly onReplayed: () => void,
  ) {}

  async get(id: string): Promise<XeniooDeadLetter | undefined> {
    if (id.includes('\0')) return undefined;
    const [row] = await this.database.query('letter', [id]);
    return row && restoreDeadLetter(bytesOf(row['body']).toString());
  }

  async list({
    limit = LETTERS_PER_PAGE,
    after,
    ...filter
  }: XeniooDeadLetterQuery = {}): Promise<XeniooDeadLetter[]> {
    const page: XeniooDeadLetter[] = [];
    let from = after === undefined ? '0' : await this.orderOf(after);
    for (;;) {
      const size = Math.min(limit, ROWS_PER_QUERY);
      const rows = await this.database.query('letters', [
        from,
        size,
        filter.kind,
        filter.handler,
        storable(filter.eventId),
        storable(filter.bot),
        storable(filter.conversationId),
      ]);
      for (const { id, body } of rows) {
        const letter = this.restore(id!, bytesOf(body).toString());
        if (!letter || !matchesFilter(letter, filter)) continue;
        if (page.push(letter) >= limit) return page;
      }
      if (rows.length < size) return page;
      from = rows.at(-1)!['seq']!;
    }
  }

  /** Replaces the letter by its tasks, in one transaction. */
  async replay(id: string, tasks: readonly XeniooTask[]): Promise<boolean> {
    const isReplayed = await this.database.inTransaction(async client => {
      const removed = await this.database.queryOn(client, 'removeLetter', [id]);
      if (removed.length === 0) return false;
      // Events join the end of their conversation; a task of a single handler runs independently of it.
      const events = tasks
        .filter(({ handler }) => handler === undefined)
        .map(task => this.acceptance.stored(task, false));
      if (events.length > 0) {
        const values = this.acceptance.valuesOf(events);
        await this.database.queryOn(client, 'accept', values);
      }
      for (const task of tasks) {
        if (task.handler === undefined) continue;
        await this.database.queryOn(client, 'addRetry', [
          task.handler,
          Buffer.from(storeTask(task)),
        ]);
      }
      return true;
    });
    if (isReplayed) this.onReplayed();
    return isReplayed;
  }

  async remove(id: string): Promise<boolean> {
    if (id.includes('\0')) return false;
    const removed = await this.database.query('removeLetter', [id]);
    return removed.length > 0;
  }

  /** Returns a letter; logs and skips one that this version can't read, so that the others are listed. */
  private restore(id: string, text: string): XeniooDeadLetter | undefined {
    try {
      return restoreDeadLetter(text);
    } catch (error) {
      this.logger.warn(
        `The dead letter ${id} can't be read and is not listed: ${describeError(error).message}`,
      );
      return undefined;
    }
  }

  private async orderOf(id: string): Promise<string> {
    const [row] = await this.database.query('letterOrder', [id]);
    if (row) return row['seq']!;
    throw new XeniooDeadLetterError(`there is no dead letter ${id}`);
  }
}
