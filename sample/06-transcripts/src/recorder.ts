import { Injectable } from '@nestjs/common';
import { sql, type Query } from 'drizzle-orm';
import { NodePgDatabase } from 'drizzle-orm/node-postgres';
import {
  BotMessageEvent,
  OnXenioo,
  UnmatchedMessageEvent,
  UserMessageEvent,
  XeniooEvent,
} from 'nestjs-xenioo';
import type { XeniooTransaction } from 'nestjs-xenioo/postgres';
import { conversation, entry, storable } from './schema.js';

/** Length of ids and channels, which are in indexes: an index takes 2,700 bytes at most. */
const MOST_INDEXED = 500;

/** Writes transcripts. The rows and the note that the event is handled are one commit: each event is there once. */
@Injectable()
export class Recorder {
  constructor(private readonly db: NodePgDatabase) {}

  @OnXenioo({ transactional: true })
  async save(event: XeniooEvent, tx: XeniooTransaction) {
    const insert = this.db.insert(entry).values({
      conversationId: await this.saveConversation(event, tx),
      type: event.typeName,
      channel: storable(event.channel, MOST_INDEXED),
      text: storable(textOf(event)),
      at: event.date ?? event.receivedAt,
    });
    await run(tx, insert);
  }

  private async saveConversation(event: XeniooEvent, tx: XeniooTransaction) {
    const xeniooId = storable(event.conversationId, MOST_INDEXED);
    if (xeniooId === undefined) return undefined;
    const upsert = this.db
      .insert(conversation)
      .values({
        bot: event.bot,
        xeniooId,
        userName: storable(event.userName),
        channel: storable(event.channel, MOST_INDEXED),
        lastAt: event.date ?? event.receivedAt,
      })
      .onConflictDoUpdate({
        target: [conversation.bot, conversation.xeniooId],
        set: {
          userName: sql`coalesce(excluded.user_name, ${conversation.userName})`,
          lastAt: sql`greatest(excluded.last_at, ${conversation.lastAt})`,
        },
      })
      .returning({ id: conversation.id });
    const [id] = (await run(tx, upsert)).map(row => Number(row['id']));
    return id;
  }
}

/** Runs a statement that Drizzle built in the transaction of the handler. */
async function run(tx: XeniooTransaction, statement: { toSQL(): Query }) {
  const { sql: text, params } = statement.toSQL();
  const { rows } = await tx.query(text, params);
  return rows;
}

function textOf(event: XeniooEvent): string | undefined {
  return event instanceof UserMessageEvent ||
    event instanceof BotMessageEvent ||
    event instanceof UnmatchedMessageEvent
    ? event.text
    : undefined;
}
