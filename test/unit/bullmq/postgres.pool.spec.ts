import { Pool, type PoolConfig } from 'pg';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { patientPool } from '../../../lib/bullmq/postgres.pool.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import { freePort } from '../../support/engines/free-port.js';

function pool(config: PoolConfig = {}): Pool {
  const patient = patientPool(Pool, {
    connectionString: inject('postgresUrl'),
    ...config,
  });
  onTestFinished(() => patient.end().catch(() => {}));
  return patient;
}

/** What a query throws. */
const errorOf = (patient: Pool, query: string): Promise<unknown> =>
  patient.query(query).then(
    () => undefined,
    (error: unknown) => error,
  );

const raise = (code: string) =>
  `DO $$ BEGIN RAISE EXCEPTION 'it happened' USING ERRCODE = '${code}'; END $$`;

describeEngine('postgres', 'what passes by itself', () => {
  it.each([
    '08006',
    '57P01',
    '57P02',
    '57P03',
    '53100',
    '53300',
    '40P01',
    '40001',
    '55P03',
    '57014',
    '25P03',
  ])('is a refused connection to BullMQ: %s', async code => {
    expect(await errorOf(pool(), raise(code))).toMatchObject({
      code: 'ECONNREFUSED',
      message: 'ECONNREFUSED: it happened',
    });
  });

  it('is a refused connection: a server that ends the connection', async () => {
    const patient = pool();

    expect(
      await errorOf(patient, 'SELECT pg_terminate_backend(pg_backend_pid())'),
    ).toMatchObject({ code: 'ECONNREFUSED' });
    expect(await errorOf(patient, 'SELECT 1')).toBe(undefined);
  });

  it('is a refused connection: a query that is not answered', async () => {
    const error = await errorOf(
      pool({ query_timeout: 50 }),
      'SELECT pg_sleep(1)',
    );

    expect(error).toMatchObject({
      code: 'ECONNREFUSED',
      message: 'ECONNREFUSED: Query read timeout',
    });
  });

  it('is a refused connection: a pool without a free one', async () => {
    // It has two at least: one waits for news all the time.
    const patient = pool({ max: 1, connectionTimeoutMillis: 500 });
    const held = [await patient.connect(), await patient.connect()];

    const error = await errorOf(patient, 'SELECT 1');
    for (const client of held) client.release();

    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('is a refused connection: one that is refused', async () => {
    const port = await freePort();
    const nowhere = `postgres://postgres@127.0.0.1:${port}/postgres`;
    const error = await errorOf(
      pool({ connectionString: nowhere }),
      'SELECT 1',
    );

    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describeEngine('postgres', 'what does not pass by itself', () => {
  it.each(['22021', '22P05', '23505', '42601', '42P01', '54000', 'P0001'])(
    'stays as it is: %s',
    async code => {
      expect(await errorOf(pool(), raise(code))).toMatchObject({
        code,
        message: 'it happened',
      });
    },
  );
});

describeEngine('postgres', 'a query that is answered', () => {
  it('is what it is', async () => {
    const { rows } = await pool().query('SELECT $1::int AS number', [7]);

    expect(rows).toEqual([{ number: 7 }]);
  });
});

describe('a connection that breaks while nobody uses it', () => {
  it('ends no process', () => {
    expect(pool({}).emit('error', new Error('terminated'))).toBe(true);
  });
});
