/** Advice for the errors of `isPoolingError()`. */
export const POOLING_REMEDY =
  'If the connection goes through PgBouncer or another pooler in transaction mode, set `transactionPooling: true` of postgresInbox(); otherwise connect to PostgreSQL directly.';

/** Returns true for an error of a pooler that has no sessions: it refuses their settings, and loses prepared statements. */
export function isPoolingError(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code === '08P01') {
    return /unsupported startup parameter/.test(String(message));
  }
  // No prepared statement of the name, or one that another client has prepared.
  return code === '26000' || code === '42P05';
}
