import type { Pool, PoolClient } from 'pg';

/** How long the pass waits for one row. */
const GIVE_WAY_AFTER_MS = 100;

const LOCK_NOT_AVAILABLE = '55P03';

/** Whether a query is that with which BullMQ looks for jobs of processes that died. */
export function isStalledPass([text]: readonly unknown[]): boolean {
  return typeof text === 'string' && text.includes('move_stalled_jobs_to_wait');
}

/**
 * Makes the pass, or leaves it to the next one when it meets a deadlock. It locks every
 * job that is being handled, and each that is tried again, in another order than
 * workers do that record one and take up the others: PostgreSQL notices only after a
 * second, in which nobody handles anything.
 */
export async function givingWay(
  pool: Pool,
  given: readonly unknown[],
): Promise<{ rows: unknown[] }> {
  const client = await pool.connect();
  const letGo = (error?: Error) => client.release(error);
  try {
    const result = await inTransaction(client, given as [string, unknown[]]);
    letGo();
    return result;
  } catch (error) {
    await client.query('ROLLBACK').then(() => letGo(), letGo);
    if ((error as { code?: unknown }).code !== LOCK_NOT_AVAILABLE) throw error;
    return { rows: [] };
  }
}

async function inTransaction(
  client: PoolClient,
  [text, values]: [string, unknown[]],
): Promise<{ rows: unknown[] }> {
  await client.query(
    `BEGIN; SET LOCAL lock_timeout = '${GIVE_WAY_AFTER_MS}ms'`,
  );
  const result = await client.query(text, values);
  await client.query('COMMIT');
  return result;
}
