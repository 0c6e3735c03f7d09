import { createPostgresBackend, Queue } from 'bullmq';
import { Client, Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, expect, inject, it } from 'vitest';
import { patientPool } from '../../../lib/bullmq/postgres.pool.js';
import { createDatabase } from '../../support/engines/create-database.js';
import { describeEngine } from '../../support/engines/describe-engine.js';

/** The words of BullMQ. */
const PASS =
  'SELECT id FROM move_stalled_jobs_to_wait($1, $2, $3, $4) AS t(id)';

describeEngine(
  'postgres',
  'when BullMQ looks for jobs of processes that died',
  () => {
    const queue = 'stalled-pass';
    let pool: Pool;
    let other: Client;

    beforeAll(async () => {
      const connectionString = await createDatabase(
        inject('postgresUrl'),
        'stalled_pass',
      );
      const jobs = new Queue(
        queue,
        { connection: { connectionString, migrate: true } },
        createPostgresBackend,
      );
      await jobs.add('job', {});
      await jobs.close();
      const options = '-c search_path=bullmq';
      pool = patientPool(Pool, { connectionString, options });
      other = new Client({ connectionString, options });
      await other.connect();
    });

    beforeEach(async () => {
      await other.query('ROLLBACK');
      await other.query(
        "UPDATE job SET state = 'active', stalled_marked = false",
      );
    });

    afterAll(async () => {
      await other.end();
      await pool.end();
    });

    const pass = () =>
      pool.query(PASS, [queue, 10, Date.now(), 0]).then(({ rows }) => rows);

    const isMarked = async () => {
      const { rows } = await other.query('SELECT stalled_marked FROM job');
      return (rows as { stalled_marked: boolean }[])[0]!.stalled_marked;
    };

    it('marks those that are being handled', async () => {
      await expect(pass()).resolves.toEqual([]);

      expect(await isMarked()).toBe(true);
    });

    it('leaves it to the next look while a worker has one in its hands', async () => {
      await other.query('BEGIN');
      await other.query('SELECT FROM job FOR UPDATE');

      await expect(pass()).resolves.toEqual([]);

      expect(await isMarked()).toBe(false);
      await other.query('COMMIT');
      await pass();
      expect(await isMarked()).toBe(true);
    });

    it('tells of what goes wrong otherwise, and goes on afterwards', async () => {
      await expect(pool.query(PASS, [queue, 'many', 0, 0])).rejects.toThrow(
        /invalid input syntax/,
      );

      await expect(pass()).resolves.toEqual([]);
    });
  },
);
