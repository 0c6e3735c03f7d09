import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, inject, it } from 'vitest';
import { Logger } from '@nestjs/common';
import { BullmqInbox } from '../../../lib/bullmq/bullmq.inbox.js';
import { resolveBullmqInboxOptions } from '../../../lib/bullmq/bullmq.inbox-options.js';
import { createEngine } from '../../../lib/bullmq/create-engine.js';
import { MemoryInbox } from '../../../lib/memory/memory.inbox.js';
import { LmdbInbox } from '../../../lib/lmdb/lmdb.inbox.js';
import {
  xeniooInboxContract,
  type XeniooInboxUnderTest,
} from '../../../lib/testing/index.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import { LogRecorder } from '../../support/log-recorder.js';

const memory: XeniooInboxUnderTest = {
  isDurable: false,
  createStorage: () => ({ open: settings => new MemoryInbox(settings) }),
};

const lmdb: XeniooInboxUnderTest = {
  isDurable: true,
  async createStorage() {
    const path = await mkdtemp(join(tmpdir(), 'nestjs-xenioo-'));
    return {
      open: settings =>
        LmdbInbox.open({ path, keepDeadLettersDays: 90 }, settings),
      remove: () => rm(path, { recursive: true }),
    };
  },
};

let storages = 0;

/** One inbox after another on a queue of their own. */
function bullmq(connection: string): XeniooInboxUnderTest {
  return {
    isDurable: true,
    keepsOrder: false,
    createStorage() {
      const queue = `contract-${process.pid}-${++storages}`;
      const options = resolveBullmqInboxOptions({ connection, queue });
      return {
        open: async settings =>
          new BullmqInbox(await createEngine(options), options, settings),
      };
    },
  };
}

beforeEach(() => Logger.overrideLogger(new LogRecorder()));

function keepsTheContract(inbox: XeniooInboxUnderTest): void {
  it.each(xeniooInboxContract(inbox))('$name', async ({ run }) => {
    expect(await run()).toBe(undefined);
  });
}

describe('the memory inbox', () => {
  keepsTheContract(memory);
});

describe('the LMDB inbox', () => {
  keepsTheContract(lmdb);
});

describeEngine('redis', 'the BullMQ inbox on Redis', () =>
  keepsTheContract(bullmq(inject('redisUrl'))),
);

describeEngine('postgres', 'the BullMQ inbox on PostgreSQL', () =>
  keepsTheContract(bullmq(inject('postgresUrl'))),
);
