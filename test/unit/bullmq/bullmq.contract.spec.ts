import { Logger } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { beforeEach, expect, inject, it } from 'vitest';
import { resolveBullmqInboxOptions } from '../../../lib/bullmq/bullmq.inbox-options.js';
import { BullmqInbox } from '../../../lib/bullmq/bullmq.inbox.js';
import { xeniooInboxContract } from '../../../lib/testing/inbox-contract.js';
import { BULLMQ_VERSIONS } from '../../support/bullmq-harness.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import { LogRecorder } from '../../support/log-recorder.js';

for (const [version, libraries] of BULLMQ_VERSIONS) {
  describeEngine('redis', `BullmqInbox contract on ${version}`, () => {
    beforeEach(() => Logger.overrideLogger(new LogRecorder()));

    const contract = xeniooInboxContract({
      isDurable: true,
      keepsOrder: false,
      waitMs: 20_000,
      createStorage: async () => {
        const options = resolveBullmqInboxOptions({
          connection: inject('redisUrl'),
          queue: `contract-${randomUUID()}`,
        });
        return {
          open: async settings => new BullmqInbox(libraries, options, settings),
        };
      },
    });
    it.each(contract)('$name', { timeout: 60_000 }, async ({ run }) => {
      expect(await run()).toBe(undefined);
    });
  });
}
