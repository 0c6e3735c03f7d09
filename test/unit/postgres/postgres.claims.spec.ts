import * as pg from 'pg';
import { expect, inject, it, onTestFinished } from 'vitest';
import { PostgresClaims } from '../../../lib/postgres/postgres.claims.js';
import { PostgresDatabase } from '../../../lib/postgres/postgres.database.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import {
  openPostgresInbox,
  postgresSchema,
} from '../../support/postgres-schema.js';

const COUNT = 12;

/** Creates the tables, and claims for a registered worker. */
async function createClaims() {
  const { schema, query, remove } = postgresSchema();
  onTestFinished(remove);
  const inbox = await openPostgresInbox({ schema });
  await inbox.stop(0);
  const connection = inject('postgresUrl');
  const options = { schema, migrate: false, transactionPooling: false };
  const database = new PostgresDatabase(pg, { connection, ...options }, 5_000);
  onTestFinished(() => database.close());
  const [row] = await database.query('registerWorker', [false, 60_000]);
  const claims = new PostgresClaims(database);
  return { schema, query, claims, worker: row!['id']! };
}

/** SQL of a body of 8 MB. */
const LARGE_BODY = `convert_to(repeat('x', 8 * 1024 * 1024), 'UTF8')`;

describeEngine('postgres', 'PostgresClaims', () => {
  it('claims conversations with large first events a few at a time', async () => {
    const { schema, query, claims, worker } = await createClaims();
    await query(
      `INSERT INTO ${schema}.lane (lane, tail) SELECT n, 1 FROM generate_series(1, ${COUNT}) AS n`,
    );
    await query(
      `INSERT INTO ${schema}.event (lane, n, received_at, body) SELECT n, 0, now(), ${LARGE_BODY} FROM generate_series(1, ${COUNT}) AS n`,
    );

    const counts: number[] = [];
    const lanes = new Set<string>();
    while (lanes.size < COUNT) {
      const claimed = await claims.conversations(worker, 32);
      counts.push(claimed.length);
      for (const { lane, events } of claimed) {
        expect(events).toHaveLength(1);
        lanes.add(lane);
      }
    }

    expect(counts).toEqual([4, 4, 4]);
  });

  it('claims large retries a few at a time', async () => {
    const { schema, query, claims, worker } = await createClaims();
    await query(
      `INSERT INTO ${schema}.retry (id, due, body) SELECT n, now(), ${LARGE_BODY} FROM generate_series(1, ${COUNT}) AS n`,
    );

    const counts: number[] = [];
    const retries = new Set<string>();
    while (retries.size < COUNT) {
      const claimed = await claims.retries(worker, 32);
      counts.push(claimed.length);
      for (const { retry } of claimed) retries.add(retry);
    }

    expect(counts).toEqual([4, 4, 4]);
  });
});
