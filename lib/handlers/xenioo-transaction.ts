/** Runs statements in the transaction that also records a handler as done. */
export interface XeniooTransaction {
  /**
   * Runs a statement.
   * @throws {XeniooHandlerError} when the handler has ended or timed out: the transaction is over
   */
  query(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ rows: Record<string, unknown>[] }>;
}

/**
 * Runs a handler in a transaction of the inbox that also records it as done. Rejects
 * when the handler does, and when the commit fails; resolves without a commit where
 * another process has recorded the handler.
 */
export type XeniooTransact = (
  handler: string,
  work: (tx: XeniooTransaction) => unknown,
  /** Aborted when the handler has timed out: the transaction is rolled back. */
  signal: AbortSignal,
) => Promise<void>;
