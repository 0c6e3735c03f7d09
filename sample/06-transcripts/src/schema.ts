import { sql } from 'drizzle-orm';
import { bigint, customType, pgTable, text, unique } from 'drizzle-orm/pg-core';
import { types } from 'pg';

// The tables of schema.sql, as Drizzle sees them.

const tsvector = customType<{ data: string }>({ dataType: () => 'tsvector' });

const id = () =>
  bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity();

const parseDate: (text: string) => Date = types.getTypeParser(
  types.builtins.TIMESTAMPTZ,
);

/** A date of any year. Drizzle's own type has the format of `toISOString()`, which PostgreSQL rejects for the year 0 and for years after 9999. */
const timestamptz = customType<{ data: Date; driverData: string }>({
  dataType: () => 'timestamptz',
  toDriver: date => sql`to_timestamp(${date.getTime()}::float8 / 1000)`,
  fromDriver: parseDate,
});

export const bot = pgTable('bot', {
  name: text().primaryKey(),
  token: text().notNull().unique(),
  secret: text().notNull().unique(),
});

export const conversation = pgTable(
  'conversation',
  {
    id: id(),
    bot: text().notNull(),
    xeniooId: text('xenioo_id').notNull(),
    userName: text('user_name'),
    channel: text(),
    lastAt: timestamptz('last_at').notNull(),
  },
  table => [unique().on(table.bot, table.xeniooId)],
);

export const entry = pgTable('entry', {
  id: id(),
  conversationId: bigint('conversation_id', { mode: 'number' }).references(
    () => conversation.id,
    { onDelete: 'cascade' },
  ),
  type: text().notNull(),
  channel: text(),
  text: text(),
  at: timestamptz().notNull(),
  search: tsvector().generatedAlwaysAs(
    sql`to_tsvector('simple', left(coalesce(text, ''), 50000))`,
  ),
});

/** Returns the part of a text that PostgreSQL stores: every character except NUL. */
export function storable(
  text: string | undefined,
  most?: number,
): string | undefined {
  return text?.replaceAll('\0', '').slice(0, most);
}
