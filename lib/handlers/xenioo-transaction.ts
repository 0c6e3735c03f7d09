/** Transaction of a handler. The same commit records the handler as done. */
export interface XeniooTransaction {
  /**
   * Runs a statement.
   * @throws {XeniooHandlerError} when the handler has returned or timed out, which ends the transaction
   */
  query(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ rows: Record<string, unknown>[] }>;
}

/**
 * Function that runs a handler in a transaction of the inbox, whose commit also records
 * the handler as done. Rejects when the handler rejects or the commit fails; rolls back
 * and resolves when another process has already recorded the handler as done.
 */
export type XeniooTransact = (
  handler: string,
  work: (tx: XeniooTransaction) => unknown,
  limit: XeniooTimeLimit,
) => Promise<void>;

/** Time limit of a transactional handler (`handlerTimeoutMs`). */
export interface XeniooTimeLimit {
  /** Aborted when the handler times out, which rolls the transaction back. */
  readonly signal: AbortSignal;
  /** Stops the time limit while the handler waits for its transaction. */
  pause(): void;
  /** Begins the whole time limit anew. */
  restart(): void;
}
