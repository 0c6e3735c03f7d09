import { Injectable } from '@nestjs/common';
import { sql } from 'drizzle-orm';
import { NodePgDatabase } from 'drizzle-orm/node-postgres';

interface Day extends Record<string, unknown> {
  readonly day: string;
  readonly unmatched: number;
  readonly takeOvers: number;
  /** Fallbacks per 100 messages of users; null on a day without any. */
  readonly fallbackRate: number | null;
}

interface ChannelDay extends Record<string, unknown> {
  readonly day: string;
  readonly channel: string;
  readonly messages: number;
}

/** Counts entries by day, in UTC. */
@Injectable()
export class Statistics {
  constructor(private readonly db: NodePgDatabase) {}

  /** Returns the figures of every day, the days without an entry too. */
  async byDay(days: number) {
    const { rows } = await this.db.execute<Day>(sql`
      WITH counted AS (
        SELECT date_trunc('day', at, 'UTC') AS day,
          count(*) FILTER (WHERE type = 'unmatched-message')::int AS unmatched,
          count(*) FILTER (WHERE type = 'take-over')::int AS take_overs,
          count(*) FILTER (WHERE type = 'fallback') AS fallbacks,
          count(*) FILTER (WHERE type = 'user-message') AS messages
        FROM entry WHERE at >= ${firstOf(days)} GROUP BY 1
      )
      SELECT to_char(day AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day,
        coalesce(unmatched, 0) AS unmatched,
        coalesce(take_overs, 0) AS "takeOvers",
        (100.0 * fallbacks / nullif(messages, 0))::float AS "fallbackRate"
      FROM generate_series(${firstOf(days)}, now(), '24 hours') AS day
      LEFT JOIN counted USING (day)
      ORDER BY day`);
    return rows;
  }

  /** Returns the messages of each day and channel that has any. */
  async messagesByChannel(days: number) {
    const { rows } = await this.db.execute<ChannelDay>(sql`
      SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day,
        coalesce(channel, 'unknown') AS channel, count(*)::int AS messages
      FROM entry
      WHERE type IN ('user-message', 'bot-message')
        AND at >= ${firstOf(days)}
      GROUP BY 1, 2 ORDER BY 1, 2`);
    return rows;
  }
}

/** The beginning of the first of the last days, in UTC. */
function firstOf(days: number) {
  return sql`date_trunc('day', now(), 'UTC') - make_interval(hours => ${24 * (days - 1)}::int)`;
}
