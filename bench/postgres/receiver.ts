import * as pg from 'pg';
import { parseBody } from '../../lib/events/parse-body.js';
import { resolvePostgresInboxOptions } from '../../lib/postgres/postgres.inbox-options.js';
import { PostgresInbox } from '../../lib/postgres/postgres.inbox.js';

const PER_CALL = 1_000;
const bot = { name: 'default', secrets: ['secret'] };
let messages = 0;

/** Opens an inbox that accepts events and handles none. */
export async function openReceiver(
  url: string,
  schema: string,
): Promise<PostgresInbox> {
  const options = { connection: url, schema, worker: false };
  const inbox = await PostgresInbox.open(
    pg,
    resolvePostgresInboxOptions(options),
    {
      concurrency: 32,
      dedupe: { ttlSeconds: 3_600, maxIds: 1e7 },
      acceptTimeoutMs: 60_000,
    },
  );
  return inbox;
}

/** Makes calls with this number of messages of users, each with its own date. Returns the time in milliseconds. */
export async function acceptMessages(
  inbox: PostgresInbox,
  count: number,
  conversations = count,
): Promise<number> {
  const receivedAt = new Date();
  let ms = 0;
  for (let left = count; left > 0; left -= PER_CALL) {
    const values = Array.from({ length: Math.min(left, PER_CALL) }, () => ({
      Type: 1,
      Data: 'Good morning, I would like to know where my order is.',
      Date: new Date(Date.UTC(2024, 0, 1) + messages).toISOString(),
      ConversationId: `conversation ${messages++ % conversations}`,
    }));
    const entries = parseBody(JSON.stringify(values), { bot, receivedAt });
    const begunAt = performance.now();
    await inbox.accept({ bot: bot.name, receivedAt, entries });
    ms += performance.now() - begunAt;
  }
  return ms;
}
