import { Injectable } from '@nestjs/common';
import { and, desc, eq, getTableColumns, max, sql } from 'drizzle-orm';
import { NodePgDatabase } from 'drizzle-orm/node-postgres';
import { conversation, entry } from './schema.js';

/** Length of the lists of the page. */
const MOST = 50;

/** Entries of a conversation that the page gets at once. */
const PAGE = 100;

/** Latest entries that match a search: more would take time, and conversations of the latest ones come first. */
const MOST_MATCHES = 1_000;

/** Reads what the recorder wrote. Words are searched in the syntax of web searches: `refund -"gift card"`. */
@Injectable()
export class Transcripts {
  constructor(private readonly db: NodePgDatabase) {}

  /** Returns the latest conversations, or those of the latest entries with the words. */
  conversations(words: string) {
    if (words === '') {
      return this.db
        .select()
        .from(conversation)
        .orderBy(desc(conversation.lastAt))
        .limit(MOST);
    }
    const matches = this.db
      .select({ conversationId: entry.conversationId, at: entry.at })
      .from(entry)
      .where(hasWords(words))
      .orderBy(desc(entry.at))
      .limit(MOST_MATCHES)
      .as('matches');
    const found = this.db
      .select({
        conversationId: matches.conversationId,
        at: max(matches.at).as('at'),
      })
      .from(matches)
      .groupBy(matches.conversationId)
      .as('found');
    return this.db
      .select(getTableColumns(conversation))
      .from(found)
      .innerJoin(conversation, eq(conversation.id, found.conversationId))
      .orderBy(desc(found.at))
      .limit(MOST);
  }

  /** Returns a conversation with its latest entries, or with the latest ones before the entry `before`, the oldest first. */
  async conversation(id: number, before?: number) {
    const [found] = await this.db
      .select()
      .from(conversation)
      .where(eq(conversation.id, id));
    if (!found) return undefined;
    const { type, text, at } = entry;
    const entries = await this.db
      .select({ id: entry.id, type, text, at })
      .from(entry)
      .where(
        and(
          eq(entry.conversationId, id),
          before === undefined
            ? undefined
            : sql`(${at}, ${entry.id}) < (SELECT at, id FROM entry WHERE id = ${before})`,
        ),
      )
      .orderBy(desc(at), desc(entry.id))
      .limit(PAGE + 1);
    const hasOlder = entries.length > PAGE;
    return { ...found, hasOlder, entries: entries.slice(0, PAGE).toReversed() };
  }

  /** Returns the latest messages that no bot understood. Xenioo sends them without their conversation. */
  unmatched(words: string) {
    const { id, conversationId, text, at } = entry;
    return this.db
      .select({ id, conversationId, text, at })
      .from(entry)
      .where(
        and(
          sql`${entry.type} = 'unmatched-message'`,
          words === '' ? undefined : hasWords(words),
        ),
      )
      .orderBy(desc(at))
      .limit(MOST);
  }
}

function hasWords(words: string) {
  return sql`${entry.search} @@ websearch_to_tsquery('simple', ${words})`;
}
