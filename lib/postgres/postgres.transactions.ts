import type { PoolClient } from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import type {
  XeniooTimeLimit,
  XeniooTransact,
  XeniooTransaction,
} from '../handlers/xenioo-transaction.js';
import { CapacityLimiter } from '../inbox/capacity-limiter.js';
import { settledWithin } from '../settled-within.js';
import { GuardedTransaction, lateError } from './guarded-transaction.js';
import { isOutage } from './is-outage.js';
import { BEGIN, type PostgresDatabase } from './postgres.database.js';
import type { PostgresTransactionRunner } from './postgres.inbox-options.js';

const BEGIN_AGAIN_AFTER_MS = 200;

/** Longest delay of a timer; transactions end within `handlerTimeoutMs`, so that each one gets its turn. */
const MAX_WAIT_MS = 2 ** 31 - 1;

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
    return (handler, work, limit) =>
      this.transact(source, handler, work, limit);
  }

  private async transact(
    source: Source,
    handler: string,
    work: (tx: XeniooTransaction) => unknown,
    limit: XeniooTimeLimit,
  ): Promise<void> {
    const { signal } = limit;
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
      // Waiting for the transaction was no work of the handler.
      limit.restart();
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
      const rows = await this.rowsOf(tx, statement, values).catch(error => {
        throw guarded.errorOf(error);
      });
      if (rows.length === 0) throw new RecordedElsewhereError();
      if (signal.aborted) throw lateError(handler);
      isRecorded = true;
    };
    try {
      if (this.runInApplication) await this.runInApplication(inTransaction);
      else await this.runInOwn(inTransaction, limit);
    } catch (error) {
      if (error instanceof RecordedElsewhereError) return;
      // The commit may have succeeded although its answer was lost.
      if (isRecorded && (await this.isDone(check, values))) return;
      throw error;
    }
  }

  private async rowsOf(
    tx: XeniooTransaction,
    statement: 'doneInFirstRun' | 'doneInRetry',
    values: readonly unknown[],
  ): Promise<readonly unknown[]> {
    if (tx instanceof OwnTransaction) {
      return this.database.queryOn(tx.client, statement, [...values]);
    }
    return (await tx.query(this.database.statements[statement], values)).rows;
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
    limit: XeniooTimeLimit,
  ): Promise<void> {
    limit.pause();
    await this.connections.admit(1, MAX_WAIT_MS);
    try {
      await this.runOn(await this.begin(limit), work, limit.signal);
    } finally {
      this.connections.release(1);
    }
  }

  /** Ends the transaction of a connection after the work, and returns the connection to the pool. */
  private async runOn(
    client: PoolClient,
    work: (tx: XeniooTransaction) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    let isReleased = false;
    const release = (isBroken: boolean) => {
      if (!isReleased) this.database.release(client, isBroken);
      isReleased = true;
    };
    const rollBack = () => release(true);
    signal.addEventListener('abort', rollBack, { once: true });
    try {
      await work(new OwnTransaction(client));
      await client.query('COMMIT');
      release(false);
    } catch (error) {
      // The time limit may end during the rollback too.
      await client.query('ROLLBACK').then(() => release(false), rollBack);
      throw error;
    } finally {
      signal.removeEventListener('abort', rollBack);
    }
  }

  /** Begins a transaction. While the server is unreachable, it tries again: no handler has begun, so no attempt is lost. */
  private async begin(limit: XeniooTimeLimit): Promise<PoolClient> {
    const { signal } = limit;
    for (;;) {
      limit.pause();
      let client: PoolClient | undefined;
      try {
        client = await this.database.connect();
        limit.restart();
        const begun = client.query(
          `${BEGIN}; SET LOCAL idle_in_transaction_session_timeout = ${this.handlerTimeoutMs}`,
        );
        await orAborted(begun, signal);
        return client;
      } catch (error) {
        if (client) this.database.release(client, true);
        if (signal.aborted || this.database.isClosed || !isOutage(error)) {
          throw error;
        }
      }
      await sleep(BEGIN_AGAIN_AFTER_MS, undefined, { ref: false });
    }
  }
}

class OwnTransaction implements XeniooTransaction {
  constructor(readonly client: PoolClient) {}

  query(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<{ rows: Record<string, unknown>[] }> {
    // The extended protocol takes a single statement: a second one could be COMMIT.
    const config = { text, values: [...values], queryMode: 'extended' };
    return this.client.query<Record<string, unknown>>(config);
  }
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
  if (signal.aborted) abort();
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
