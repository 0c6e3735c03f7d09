import { Logger } from '@nestjs/common';
import { beforeEach, describe, expect, inject, it } from 'vitest';
import { xeniooInboxContract } from '../../../lib/testing/inbox-contract.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import { LogRecorder } from '../../support/log-recorder.js';
import {
  openPostgresInbox,
  postgresSchema,
} from '../../support/postgres-schema.js';

/** Settings of a role or database that change how values are written and compared. */
const UNUSUAL_SETTINGS = {
  array_nulls: 'off',
  bytea_output: 'escape',
  datestyle: 'SQL,DMY',
  extra_float_digits: '-15',
  intervalstyle: 'sql_standard',
  search_path: '',
  standard_conforming_strings: 'off',
  timezone: 'Asia/Kathmandu',
  transform_null_equals: 'on',
};

describeEngine('postgres', 'the contract of inboxes on PostgreSQL', () => {
  beforeEach(() => Logger.overrideLogger(new LogRecorder()));

  describe.each([
    ['with the usual settings', {}],
    ['with unusual settings', UNUSUAL_SETTINGS],
  ])('%s', (_, settings) => {
    const options = Object.entries(settings).map(
      ([name, value]) => `-c ${name}=${value}`,
    );
    const contract = xeniooInboxContract({
      isDurable: true,
      waitMs: 20_000,
      createStorage: async () => {
        const { schema, remove } = postgresSchema();
        const connection = {
          connectionString: inject('postgresUrl'),
          options: options.join(' '),
        };
        return {
          open: given => openPostgresInbox({ schema, connection }, given),
          remove,
        };
      },
    });
    it.each(contract)('$name', { timeout: 60_000 }, async ({ run }) => {
      expect(await run()).toBe(undefined);
    });
  });
});
