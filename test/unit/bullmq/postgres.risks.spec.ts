import { Pool } from 'pg';
import { expect, inject, it, onTestFinished } from 'vitest';
import { risksOf } from '../../../lib/bullmq/postgres.risks.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import { startPostgres } from '../../support/engines/postgres-server.js';

function pool(connectionString: string, options = ''): Pool {
  const opened = new Pool({ connectionString, options });
  onTestFinished(() => opened.end());
  return opened;
}

describeEngine('postgres', 'a PostgreSQL', () => {
  it('that syncs every commit has no risk', async () => {
    expect(await risksOf(pool(inject('postgresUrl')))).toEqual([]);
  });

  it('that answers before it has synced may forget', async () => {
    const hasty = pool(inject('postgresUrl'), '-c synchronous_commit=off');

    expect(await risksOf(hasty)).toEqual([
      'PostgreSQL may forget what was answered 200 when its machine fails (`synchronous_commit = off`). Put into its postgresql.conf: synchronous_commit = on; or now: ALTER SYSTEM SET synchronous_commit = on; SELECT pg_reload_conf()',
    ]);
  });

  it('that never syncs may forget', async () => {
    const server = await startPostgres({ settings: { fsync: 'off' } });
    onTestFinished(() => server.stop());
    const careless = new Pool({ connectionString: server.url });

    const risks = await risksOf(careless);
    await careless.end();

    expect(risks).toEqual([
      'PostgreSQL may forget what was answered 200 when its machine fails (`fsync = off`). Put into its postgresql.conf: fsync = on; or now: ALTER SYSTEM SET fsync = on; SELECT pg_reload_conf()',
    ]);
  }, 60_000);
});
