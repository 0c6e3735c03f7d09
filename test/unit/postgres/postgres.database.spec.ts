import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import * as pg from 'pg';
import { expect, inject, it, onTestFinished, vi } from 'vitest';
import { PostgresDatabase } from '../../../lib/postgres/postgres.database.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import { postgresSchema } from '../../support/postgres-schema.js';

/** Starts a proxy that holds back what the server sends, and delivers it in one piece. */
async function startProxy(target: URL) {
  let held: Buffer | undefined;
  let deliver = () => {};
  const proxy = createServer(client => {
    const server = connect(Number(target.port), target.hostname);
    client.pipe(server);
    server.on('data', data => {
      if (held) held = Buffer.concat([held, data]);
      else client.write(data);
    });
    deliver = () => client.end(held ?? '');
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => void proxy.close());
  const url = new URL(target);
  url.port = String((proxy.address() as AddressInfo).port);
  return {
    url: url.href,
    hold: () => (held = Buffer.alloc(0)),
    isHolding: (text: string) => held?.includes(text),
    deliver: () => deliver(),
  };
}

/** Message of the server that a statement has ended. */
const READY_FOR_QUERY = 'Z\0\0\0\x05I';

describeEngine('postgres', 'the connections of the PostgreSQL inbox', () => {
  it('end without an uncaught exception while a transaction takes one', async () => {
    const { query } = postgresSchema();
    const proxy = await startProxy(new URL(inject('postgresUrl')));
    const application_name = `test ${process.pid}`;
    const connection = { connectionString: proxy.url, application_name };
    const database = new PostgresDatabase(
      pg,
      {
        connection: { ...connection, max: 1 },
        schema: 'xenioo',
        migrate: false,
        transactionPooling: false,
      },
      5_000,
    );
    onTestFinished(() => database.close());
    await database.notify('test', '1');

    proxy.hold();
    const busy = database.notify('test', '2');
    const taken = database.connect();
    await expect.poll(() => proxy.isHolding(READY_FOR_QUERY)).toBe(true);
    await query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1',
      [application_name],
    );
    await expect.poll(() => proxy.isHolding('FATAL')).toBe(true);
    proxy.deliver();
    await busy;

    const client = await taken;
    await expect(client.query('SELECT 1')).rejects.toThrow('not queryable');
    database.release(client, true);
  });

  it('have the settings of PGOPTIONS and READ COMMITTED', async () => {
    vi.stubEnv('PGOPTIONS', '-c test.tenant=acme');
    onTestFinished(() => void vi.unstubAllEnvs());
    const database = new PostgresDatabase(
      pg,
      {
        connection: inject('postgresUrl'),
        schema: 'xenioo',
        migrate: false,
        transactionPooling: false,
      },
      5_000,
    );
    onTestFinished(() => database.close());

    const client = await database.connect();
    const { rows } = await client.query(
      "SELECT current_setting('test.tenant') AS tenant, current_setting('default_transaction_isolation') AS isolation",
    );
    database.release(client, false);

    expect(rows).toEqual([{ tenant: 'acme', isolation: 'read committed' }]);
  });
});
