import { randomBytes } from 'node:crypto';
import * as pg from 'pg';
import { inject } from 'vitest';
import {
  resolvePostgresInboxOptions,
  type PostgresInboxOptions,
} from '../../lib/postgres/postgres.inbox-options.js';
import {
  PostgresInbox,
  type PostgresInstanceSettings,
} from '../../lib/postgres/postgres.inbox.js';

const DEFAULTS: PostgresInstanceSettings = {
  concurrency: 32,
  dedupe: { ttlSeconds: 3_600, maxIds: 100_000 },
  acceptTimeoutMs: 5_000,
};

/** Names a schema of the test's own. */
export function postgresSchema(url = inject('postgresUrl')) {
  const schema = `test_${randomBytes(6).toString('hex')}`;
  return {
    schema,
    /** Runs a statement on a connection of its own. */
    query: (text: string, values?: unknown[]) => queryOnce(url, text, values),
    remove: async () => {
      await queryOnce(url, `DROP SCHEMA IF EXISTS ${schema} CASCADE`);
    },
  };
}

/** Opens an inbox without an application. */
export function openPostgresInbox(
  options: Partial<PostgresInboxOptions>,
  settings?: Partial<PostgresInstanceSettings>,
): Promise<PostgresInbox> {
  const resolved = resolvePostgresInboxOptions({
    connection: inject('postgresUrl'),
    ...options,
  });
  return PostgresInbox.open(pg, resolved, { ...DEFAULTS, ...settings });
}

async function queryOnce(
  url: string,
  text: string,
  values?: unknown[],
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(text, values);
    return rows;
  } finally {
    await client.end();
  }
}
