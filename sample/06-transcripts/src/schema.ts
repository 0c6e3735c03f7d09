import { sql } from 'drizzle-orm';
import {
  bigint,
  customType,
  pgTable,
  text,
  timestamp,
  unique,
} from 'drizzle-orm/pg-core';

// The tables of schema.sql, as Drizzle sees them.

const tsvector = customType<{ data: string }>({ dataType: () => 'tsvector' });

const id = () =>
  bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity();

const at = (name: string) =>
  timestamp(name, { withTimezone: true, mode: 'date' }).notNull();

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
    lastAt: at('last_at'),
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
  at: at('at'),
  search: tsvector().generatedAlwaysAs(
    sql`to_tsvector('simple', left(coalesce(text, ''), 50000))`,
  ),
});
