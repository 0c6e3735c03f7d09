import { Logger } from '@nestjs/common';
import {
  afterAll,
  beforeAll,
  beforeEach,
  expect,
  inject,
  it,
  onTestFinished,
} from 'vitest';
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

  it('says that PgBouncer refuses session settings where `transactionPooling` is not set', async () => {
    const inbox = await openPostgresInbox({ connection: pooler.url });
    onTestFinished(() => inbox.stop(0));

    expect(logs.ofXenioo('error').join('\n')).toContain(
      'unsupported startup parameter',
    );
    await expect(inbox.assertAccepting()).rejects.toThrow(
      'unsupported startup parameter',
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
