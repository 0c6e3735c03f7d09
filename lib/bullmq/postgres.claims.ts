import type { Pool } from 'pg';
import type { XeniooDedupeSettings } from '../options/xenioo-dedupe.js';

/** One in so many claims past the limit is worth a look. */
const LOOKS_A_LIMIT = 10;

/** How often to look for those whose time is over, at least. */
const LOOK_EVERY_MS = 60_000;

/**
 * BullMQ keeps a row for each id, and never takes away those that do not come
 * again. The table is its own, named in its migrations. Those of one call have
 * one time, and stay together.
 */
const FORGET = `
DELETE FROM dedup WHERE queue = $1 AND dedup_id IN (
  SELECT dedup_id FROM dedup
  WHERE queue = $1 AND expire_at_ms < GREATEST($2::bigint, COALESCE((
    SELECT expire_at_ms FROM dedup
    WHERE queue = $1 AND expire_at_ms IS NOT NULL
    ORDER BY expire_at_ms DESC OFFSET $3 LIMIT 1), 0))
  FOR UPDATE SKIP LOCKED
)`;

/** Forgets ids that were claimed long ago, or past `maxIds`. */
export class PostgresClaims {
  private sinceLook = 0;
  private lookedAt = performance.now();

  constructor(
    private readonly pool: Pool,
    private readonly queue: string,
  ) {}

  /** So many were claimed. */
  async note(count: number, { maxIds }: XeniooDedupeSettings): Promise<void> {
    this.sinceLook += count;
    const now = performance.now();
    const isDue =
      this.sinceLook >= maxIds / LOOKS_A_LIMIT ||
      now - this.lookedAt > LOOK_EVERY_MS;
    if (!isDue) return;
    this.sinceLook = 0;
    this.lookedAt = now;
    await this.pool.query(FORGET, [this.queue, Date.now(), maxIds - 1]);
  }
}
