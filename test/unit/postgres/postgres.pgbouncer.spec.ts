import { Logger } from '@nestjs/common';
import { Pool } from 'pg';
import {
  afterAll,
  beforeAll,
  beforeEach,
  expect,
  inject,
  it,
  onTestFinished,
} from 'vitest';
import { parseBody } from '../../../lib/events/parse-body.js';
import { xeniooInboxContract } from '../../../lib/testing/inbox-contract.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import {
  startPgbouncer,
  type PgbouncerServer,
} from '../../support/engines/pgbouncer-server.js';
import { LogRecorder } from '../../support/log-recorder.js';
import {
  openPostgresInbox,
  postgresSchema,
} from '../../support/postgres-schema.js';

describeEngine('pgbouncer', 'the PostgreSQL inbox behind PgBouncer', () => {
  let pooler: PgbouncerServer;
  beforeAll(async () => {
    pooler = await startPgbouncer(inject('postgresUrl'));
  });
  afterAll(() => pooler.stop());
  let logs: LogRecorder;
  beforeEach(() => {
    logs = new LogRecorder();
    Logger.overrideLogger(logs);
  });

  it('does not open without `transactionPooling`, and names the option', async () => {
    await expect(openPostgresInbox({ connection: pooler.url })).rejects.toThrow(
      /unsupported startup parameter.*set `transactionPooling: true` of postgresInbox\(\)/s,
    );
  });

  it('opens with a `Pool` without `transactionPooling`, and names the option when statements fail', async () => {
    const { schema, remove } = postgresSchema();
    onTestFinished(remove);
    const open = async () => {
      const connection = new Pool({ connectionString: pooler.url });
      onTestFinished(() => connection.end());
      const inbox = await openPostgresInbox({ schema, connection });
      onTestFinished(() => inbox.stop(0));
      return inbox;
    };
    const inboxes = [await open(), await open()];
    const receivedAt = new Date();
    const bot = { name: 'default', secrets: ['secret'] };
    const entries = parseBody('{"Type":1}', { bot, receivedAt });
    const acceptOnBoth = async () => {
      for (const inbox of inboxes) {
        await inbox.accept({ bot: bot.name, receivedAt, entries });
      }
    };

    await expect(acceptOnBoth()).rejects.toThrow(
      /prepared statement ".*_accept" already exists/,
    );
    expect(logs.ofXenioo('error').join()).toContain(
      'set `transactionPooling: true`',
    );
  });

  const contract = xeniooInboxContract({
    isDurable: true,
    waitMs: 20_000,
    createStorage: async () => {
      const { schema, remove } = postgresSchema();
      const options = { connection: pooler.url, transactionPooling: true };
      return {
        open: settings => openPostgresInbox({ schema, ...options }, settings),
        remove,
      };
    },
  });
  it.each(contract)(
    'keeps the contract: $name',
    { timeout: 60_000 },
    async ({ run }) => {
      expect(await run()).toBe(undefined);
    },
  );
});
