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

describeEngine('pgbouncer', 'the contract of inboxes behind PgBouncer', () => {
  let pooler: PgbouncerServer;
  beforeAll(async () => {
    pooler = await startPgbouncer(inject('postgresUrl'));
  });
  afterAll(() => pooler.stop());
  beforeEach(() => Logger.overrideLogger(new LogRecorder()));

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
  it.each(contract)('$name', { timeout: 60_000 }, async ({ run }) => {
    expect(await run()).toBe(undefined);
  });
});
