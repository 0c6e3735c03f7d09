import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { Logger } from '@nestjs/common';
import { MemoryInbox } from '../../../lib/inbox/memory.inbox.js';
import { LmdbInbox } from '../../../lib/lmdb/lmdb.inbox.js';
import {
  xeniooInboxContract,
  type XeniooInboxUnderTest,
} from '../../../lib/testing/index.js';
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

beforeEach(() => Logger.overrideLogger(new LogRecorder()));

describe.each([
  ['the memory inbox', memory],
  ['the LMDB inbox', lmdb],
])('%s', (_, inbox) => {
  it.each(xeniooInboxContract(inbox))('$name', async ({ run }) => {
    expect(await run()).toBe(undefined);
  });
});
