import { Injectable } from '@nestjs/common';
import { asc, desc, eq, getTableColumns, max, sql } from 'drizzle-orm';
import { NodePgDatabase } from 'drizzle-orm/node-postgres';
import { conversation, entry } from './schema.js';

const MOST = 50;

/** Reads what the recorder wrote. */
@Injectable()
export class Transcripts {
  constructor(private readonly db: NodePgDatabase) {}

  /** Returns the latest conversations. */
  latest() {
    return this.db
      .select()
      .from(conversation)
      .orderBy(desc(conversation.lastAt))
      .limit(MOST);
  }

  /** Returns conversations with an entry that matches, in the syntax of web searches: `refund -"gift card"`. */
  search(words: string) {
    const isMatch = sql`${entry.search} @@ websearch_to_tsquery('simple', ${words})`;
    const found = this.db
      .select({
        conversationId: entry.conversationId,
        at: max(entry.at).as('at'),
      })
      .from(entry)
      .where(isMatch)
      .groupBy(entry.conversationId)
      .as('found');
    return this.db
      .select(getTableColumns(conversation))
      .from(found)
      .innerJoin(conversation, eq(conversation.id, found.conversationId))
      .orderBy(desc(found.at))
      .limit(MOST);
  }

  /** Returns the entries of a conversation, the first ones first. */
  entries(conversationId: number) {
    return this.db
      .select({ type: entry.type, text: entry.text, at: entry.at })
      .from(entry)
      .where(eq(entry.conversationId, conversationId))
      .orderBy(asc(entry.at), asc(entry.id))
      .limit(1_000);
  }
}
