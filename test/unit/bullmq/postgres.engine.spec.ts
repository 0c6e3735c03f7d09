import { Logger } from '@nestjs/common';
import { createPostgresBackend } from 'bullmq';
import { randomUUID } from 'node:crypto';
import { Client, Pool } from 'pg';
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import { BullmqConnection } from '../../../lib/bullmq/bullmq.connection.js';
import type { OpenEngine } from '../../../lib/bullmq/bullmq.engine.js';
import {
  resolveBullmqInboxOptions,
  type BullmqInboxOptions,
} from '../../../lib/bullmq/bullmq.inbox-options.js';
import { PostgresEngine } from '../../../lib/bullmq/postgres.engine.js';
import { jobOf } from '../../../lib/bullmq/stored-job.js';
import { datedEvent } from '../../../lib/testing/inbox-bench.js';
import { createDatabase } from '../../support/engines/create-database.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import { freePort } from '../../support/engines/free-port.js';
import { LogRecorder } from '../../support/log-recorder.js';

vi.setConfig({ testTimeout: 60_000 });

const LONG = { timeout: 20_000 };

type Connection = NonNullable<BullmqInboxOptions['connection']>;

const engineAt = (connection: unknown, queue = `unit-${randomUUID()}`) =>
  new PostgresEngine(
    resolveBullmqInboxOptions({
      connection: connection as Connection,
      backend: createPostgresBackend,
      queue,
    }),
    Pool,
  );

async function openAt(connection: unknown, queue?: string) {
  const open = await engineAt(connection, queue).open();
  onTestFinished(() => open.close());
  return open;
}

/** A database in which nothing is. */
const emptyDatabase = () =>
  createDatabase(inject('postgresUrl'), `unit-${randomUUID()}`);

async function ask(url: string, query: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(query)).rows;
  } finally {
    await client.end();
  }
}

const addOne = ({ queue }: OpenEngine) => {
  const { name, data, opts } = jobOf(datedEvent(), {});
  return queue.add(name, data, opts);
};

describe('the name of a PostgreSQL', () => {
  it.each<[unknown, string]>([
    ['postgres://me:SeCrEt@p:1/x?application_name=SeCrEt', 'p:1/x'],
    ['postgres://me:SeC%2FrEt@p/x', 'p:5432/x'],
    [{ connectionString: 'postgres://me:SeC%2FrEt@p/x' }, 'p:5432/x'],
    [{ host: 'p', user: 'me', password: 'SeCrEt', database: 'x' }, 'p:5432/x'],
  ])('tells where it is, and no user or password: %#', (given, place) => {
    expect(engineAt(given).name).toBe(`PostgreSQL at ${place}`);
  });
});

describe('a URL of PostgreSQL whose password is not escaped', () => {
  it.each([
    'postgres://me:SeC/rEt@p/x',
    'postgres://me:1/SeCrEt@p:1/x',
    'postgres://me:SeC?rEt@p/x',
    'postgres://me:SeC#rEt@p/x',
  ])('stops the boot, and nothing of it is shown: %#', url => {
    for (const given of [url, { connectionString: url }]) {
      expect(() => engineAt(given)).toThrow(/escape what is neither/);
      expect(() => engineAt(given)).not.toThrow(/SeC|rEt/);
    }
  });
});

describeEngine('postgres', 'a PostgreSQL', () => {
  it.each<[string, (url: string) => unknown]>([
    ['a URL', url => url],
    ['a URL among options', url => ({ connectionString: url })],
    [
      'options',
      url => {
        const { hostname: host, port, username: user, pathname } = new URL(url);
        const database = pathname.slice(1);
        return { host, port: Number(port), user, database };
      },
    ],
  ])('is reached by %s', async (_, connection) => {
    const url = await emptyDatabase();
    const queue = `unit-${randomUUID()}`;

    const { id } = await addOne(await openAt(connection(url), queue));

    expect(await ask(url, 'SELECT id FROM bullmq.job')).toEqual([{ id }]);
  });

  it('gets the options of the host too', async () => {
    const name = `unit-${randomUUID()}`;
    const url = await emptyDatabase();

    await openAt({
      connectionString: url,
      options: `-c application_name=${name}`,
    });

    const query = `SELECT 1 FROM pg_stat_activity WHERE application_name = '${name}'`;
    expect(await ask(url, query)).not.toEqual([]);
  });

  it('that is not there is told with its reason', async () => {
    const port = await freePort();

    await expect(
      engineAt(`postgres://postgres@127.0.0.1:${port}/x`).open(),
    ).rejects.toThrow(/ECONNREFUSED/);
  });

  it('is left without a connection when it is closed', async () => {
    const url = await emptyDatabase();
    const database = decodeURIComponent(new URL(url).pathname.slice(1));
    const connections = () =>
      ask(
        inject('postgresUrl'),
        `SELECT pid FROM pg_stat_activity WHERE datname = '${database}'`,
      );
    const open = await engineAt(url).open();
    await addOne(open);
    const worker = await open.openWorker(async () => {}, { autorun: false });
    expect(await connections()).not.toEqual([]);

    await worker.close();
    await open.close();

    await expect.poll(connections, LONG).toEqual([]);
  });
});

describeEngine('postgres', 'an empty database', () => {
  it('is prepared once by several processes that start together', async () => {
    const url = await emptyDatabase();

    const all = await Promise.all(
      Array.from({ length: 5 }, () => openAt(url, 'together')),
    );
    await Promise.all(all.map(addOne));

    expect(await all[0]!.queue.getJobCounts('waiting')).toEqual({ waiting: 5 });
  });

  it('is left as it is with `migrate: false`, and told of', async () => {
    const url = await emptyDatabase();

    await expect(
      engineAt({ connectionString: url, migrate: false }).open(),
    ).rejects.toBeInstanceOf(Error);

    const schemas = `SELECT 1 FROM pg_namespace WHERE nspname = 'bullmq'`;
    expect(await ask(url, schemas)).toEqual([]);
  });

  it('is used with `migrate: false` once somebody else has prepared it', async () => {
    const url = await emptyDatabase();
    const logs = new LogRecorder();
    Logger.overrideLogger(logs);
    const engine = engineAt({ connectionString: url, migrate: false });
    const connection = new BullmqConnection(engine, 1_000);
    onTestFinished(() => connection.close());
    await expect.poll(() => logs.ofXenioo('error').length, LONG).toBe(1);

    await openAt(url);
    const open = await connection.whenOpen();

    expect((await addOne(open!)).id).toBeDefined();
    expect(logs.ofXenioo('error')).toEqual([
      expect.stringMatching(/^PostgreSQL at .* does not do what it should: ./),
    ]);
    expect(logs.ofXenioo('log')).toEqual([
      expect.stringMatching(/does what it should again\.$/),
    ]);
  });
});

describeEngine('postgres', 'what PostgreSQL answers', () => {
  const answerTo = async (code: string) => {
    const raise = `DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '${code}'; END $$`;
    const error: unknown = await ask(inject('postgresUrl'), raise).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code });
    return engineAt(inject('postgresUrl')).isRefusal(error);
  };

  it.each(['22P05', '22021', '23505', '54000'])(
    'is a refusal: %s',
    async code => {
      expect(await answerTo(code)).toBe(true);
    },
  );

  it.each(['08006', '53100', '53300', '40P01', '57P03', '42P01', '25006'])(
    'is none: %s',
    async code => {
      expect(await answerTo(code)).toBe(false);
    },
  );

  it('is none where nothing was answered', () => {
    const engine = engineAt(inject('postgresUrl'));

    expect(engine.isRefusal(new Error('timeout expired'))).toBe(false);
  });
});
