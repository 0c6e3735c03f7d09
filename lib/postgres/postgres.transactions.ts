import type { PoolClient } from 'pg';
import type {
  XeniooTransact,
  XeniooTransaction,
} from '../handlers/xenioo-transaction.js';
import { CapacityLimiter } from '../inbox/capacity-limiter.js';
import { settledWithin } from '../settled-within.js';
import { XeniooHandlerError } from '../xenioo.errors.js';
import type { PostgresDatabase } from './postgres.database.js';
import type { PostgresTransactionRunner } from './postgres.inbox-options.js';

/** Key of the row of the task whose handler runs. */
export type Source =
  | { readonly lane: string; readonly n: number; readonly id: string }
  | { readonly retry: string };

/** Error that rolls a transaction back because another process has recorded the handler as done. */
class RecordedElsewhereError extends Error {}

/** Runs transactional handlers: one commit contains their writes and the record that they are done. */
export class PostgresTransactions {
  private readonly connections: CapacityLimiter;

  constructor(
    private readonly database: PostgresDatabase,
    private readonly handlerTimeoutMs: number,
    /** Transaction runner of the application, if configured. */
    private readonly runInApplication: PostgresTransactionRunner | undefined,
  ) {
    this.connections = new CapacityLimiter(database.maxTransactions);
  }

  /** Returns a function that runs a handler of the task in a transaction. */
  transactFor(source: Source): XeniooTransact {
    return (handler, work, signal) =>
      this.transact(source, handler, work, signal);
  }

  private async transact(
    source: Source,
    handler: string,
    work: (tx: XeniooTransaction) => unknown,
    signal: AbortSignal,
  ): Promise<void> {
    const [statement, check, values] =
      'retry' in source
        ? ([
            'doneInRetry',
            'isPendingInRetry',
            [source.retry, handler],
          ] as const)
        : ([
            'doneInFirstRun',
            'isPendingInFirstRun',
            [source.lane, source.n, source.id, handler],
          ] as const);
    let isRecorded = false;
    const inTransaction = async (tx: XeniooTransaction) => {
      const guarded = new GuardedTransaction(tx, handler, signal);
      signal.throwIfAborted();
      const running = (async () => work(guarded))();
      try {
        await orAborted(running, signal);
      } catch (error) {
        // A late handler may still write through the ORM of the application, in this transaction, which is rolled back.
        if (this.runInApplication) await this.settled(running);
        throw error;
      } finally {
        guarded.close();
      }
      // The last statement before the commit, so that its lock is short.
      const rows =
        tx instanceof OwnTransaction
          ? await this.database.queryOn(tx.client, statement, [...values])
          : (await tx.query(this.database.statements[statement], values)).rows;
      if (rows.length === 0) throw new RecordedElsewhereError();
      if (signal.aborted) throw lateError(handler);
      isRecorded = true;
    };
    try {
      if (this.runInApplication) await this.runInApplication(inTransaction);
      else await this.runInOwn(inTransaction, signal);
    } catch (error) {
      if (error instanceof RecordedElsewhereError) return;
      // The commit may have succeeded although its answer was lost.
      if (isRecorded && (await this.isDone(check, values))) return;
      throw error;
    }
  }

  /** Resolves when a handler that has timed out ends, or takes as long again. */
  private async settled(running: Promise<unknown>): Promise<void> {
    await settledWithin(
      running.catch(() => {}),
      this.handlerTimeoutMs,
    );
  }

  private async isDone(
    check: 'isPendingInFirstRun' | 'isPendingInRetry',
    values: readonly unknown[],
  ): Promise<boolean> {
    try {
      return (await this.database.query(check, [...values])).length === 0;
    } catch {
      // If the commit did succeed, `record` ignores the failure of this run.
      return false;
    }
  }

  private async runInOwn(
    work: (tx: XeniooTransaction) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    if (!(await this.connections.admit(1, this.handlerTimeoutMs))) {
      throw new Error(
        `no connection was free for the transaction within ${this.handlerTimeoutMs} ms (\`handlerTimeoutMs\`): raise \`max\` of the pool, or lower \`concurrency\``,
      );
    }
    let client: PoolClient | undefined;
    let isReleased = false;
    const rollBack = () => {
      if (client && !isReleased) this.database.release(client, true);
      isReleased = true;
    };
    try {
      client = await this.database.connect();
      signal.throwIfAborted();
      signal.addEventListener('abort', rollBack, { once: true });
      await client.query(
        `BEGIN; SET LOCAL idle_in_transaction_session_timeout = ${this.handlerTimeoutMs}`,
      );
      await work(new OwnTransaction(client));
      await client.query('COMMIT');
    } catch (error) {
      if (client && !isReleased) isReleased = await this.isRolledBack(client);
      rollBack();
      throw error;
    } finally {
      signal.removeEventListener('abort', rollBack);
      if (client && !isReleased) this.database.release(client, false);
      this.connections.release(1);
    }
  }

  private async isRolledBack(client: PoolClient): Promise<boolean> {
    try {
      await client.query('ROLLBACK');
      this.database.release(client, false);
      return true;
    } catch {
      return false;
    }
  }
}

class OwnTransaction implements XeniooTransaction {
  constructor(readonly client: PoolClient) {}

  query(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<{ rows: Record<string, unknown>[] }> {
    return this.client.query<Record<string, unknown>>(text, [...values]);
  }
}

/** Transaction that a handler gets: rejects statements after the handler has returned or timed out. */
class GuardedTransaction implements XeniooTransaction {
  readonly #tx: XeniooTransaction;
  private isOpen = true;

  constructor(
    tx: XeniooTransaction,
    private readonly handler: string,
    private readonly signal: AbortSignal,
  ) {
    this.#tx = tx;
  }

  async query(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ rows: Record<string, unknown>[] }> {
    if (this.signal.aborted) throw lateError(this.handler);
    if (!this.isOpen) {
      throw new XeniooHandlerError(
        `the transaction of ${this.handler} has ended, because the handler has returned: await every statement before it returns`,
      );
    }
    return this.#tx.query(text, values);
  }

  close(): void {
    this.isOpen = false;
  }
}

function lateError(handler: string): XeniooHandlerError {
  return new XeniooHandlerError(
    `the transaction of ${handler} was rolled back: the handler took longer than \`handlerTimeoutMs\``,
  );
}

/** Resolves or rejects with the work; rejects early when the signal is aborted. */
async function orAborted(
  work: Promise<unknown>,
  signal: AbortSignal,
): Promise<void> {
  let abort!: () => void;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason as Error);
  });
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
