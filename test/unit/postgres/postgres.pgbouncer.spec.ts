import { Logger } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, expect, inject, it } from 'vitest';
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
