import { Logger } from '@nestjs/common';
import { beforeEach, expect, it } from 'vitest';
import { xeniooInboxContract } from '../../../lib/testing/inbox-contract.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import { LogRecorder } from '../../support/log-recorder.js';
import {
  openPostgresInbox,
  postgresSchema,
} from '../../support/postgres-schema.js';

describeEngine('postgres', 'the contract of inboxes on PostgreSQL', () => {
  beforeEach(() => Logger.overrideLogger(new LogRecorder()));

  const contract = xeniooInboxContract({
    isDurable: true,
    waitMs: 20_000,
    createStorage: async () => {
      const { schema, remove } = postgresSchema();
      return {
        open: settings => openPostgresInbox({ schema }, settings),
        remove,
      };
    },
  });
  it.each(contract)('$name', { timeout: 60_000 }, async ({ run }) => {
    expect(await run()).toBe(undefined);
  });
});
