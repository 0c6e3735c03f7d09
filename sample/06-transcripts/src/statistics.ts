import { Injectable } from '@nestjs/common';
import { sql } from 'drizzle-orm';
import { NodePgDatabase } from 'drizzle-orm/node-postgres';

const DAYS = 30;

/** Time for which all pages get the same figures. */
const FRESH_MS = 10_000;

/** Figures of a day and channel. A day without an entry has zeros of the channel `unknown`. */
interface Figures extends Record<string, unknown> {
  readonly day: string;
  readonly channel: string;
  readonly messages: number;
  readonly userMessages: number;
  readonly fallbacks: number;
  readonly unmatched: number;
  readonly takeOvers: number;
}

/** Counts entries by day, in UTC. */
@Injectable()
export class Statistics {
  private figures: Promise<Figures[]> | undefined;
  private countedAt = -Infinity;

  constructor(private readonly db: NodePgDatabase) {}

  /** Returns the figures of the last days, counted a short time ago at most. */
  async latest(): Promise<Figures[]> {
    if (performance.now() - this.countedAt > FRESH_MS) {
      this.countedAt = performance.now();
      this.figures = this.count();
    }
    return this.figures!;
  }

  private async count(): Promise<Figures[]> {
    const first = sql`date_trunc('day', now(), 'UTC') - make_interval(hours => ${24 * (DAYS - 1)}::int)`;
    const { rows } = await this.db.execute<Figures>(sql`
      -- Without MATERIALIZED, all entries are sorted for the join.
      WITH counted AS MATERIALIZED (
        SELECT date_bin('24 hours', at, '2000-01-01Z') AS day, channel, type,
          count(*)::int AS entries
        FROM entry WHERE at >= ${first} GROUP BY 1, 2, 3
      )
      SELECT to_char(days.day AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day,
        coalesce(channel, 'unknown') AS channel,
        ${sum('user-message', 'bot-message')} AS messages,
        ${sum('user-message')} AS "userMessages",
        ${sum('fallback')} AS fallbacks,
        ${sum('unmatched-message')} AS unmatched,
        ${sum('take-over')} AS "takeOvers"
      FROM generate_series(${first}, now(), '24 hours') AS days (day)
      LEFT JOIN counted USING (day)
      GROUP BY days.day, channel ORDER BY days.day, channel`);
    return rows;
  }
}

/** Sums the entries of the types. */
function sum(...types: string[]) {
  return sql`coalesce(sum(entries) FILTER (WHERE type IN ${types}), 0)::int`;
}
