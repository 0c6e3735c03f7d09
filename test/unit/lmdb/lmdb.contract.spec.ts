import { Logger } from '@nestjs/common';
import { rm } from 'node:fs/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { LmdbInbox } from '../../../lib/lmdb/lmdb.inbox.js';
import { xeniooInboxContract } from '../../../lib/testing/inbox-contract.js';
import { inboxPath } from '../../support/lmdb-folder.js';
import { LogRecorder } from '../../support/log-recorder.js';

describe('LmdbInbox contract', () => {
  beforeEach(() => Logger.overrideLogger(new LogRecorder()));

  const contract = xeniooInboxContract({
    isDurable: true,
    waitMs: 20_000,
    async createStorage() {
      const path = await inboxPath();
      return {
        open: settings =>
          LmdbInbox.open({ path, deadLetterRetentionDays: 90 }, settings),
        remove: () => rm(path, { recursive: true }),
      };
    },
  });

  it.each(contract)('$name', { timeout: 60_000 }, async ({ run }) => {
    expect(await run()).toBe(undefined);
  });
});
