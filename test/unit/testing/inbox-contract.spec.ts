import { Logger } from '@nestjs/common';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryInbox } from '../../../lib/memory/memory.inbox.js';
import { xeniooInboxContract } from '../../../lib/testing/inbox-contract.js';
import type { XeniooInboxUnderTest } from '../../../lib/testing/xenioo.inbox-under-test.js';
import { LogRecorder } from '../../support/log-recorder.js';
import {
  ReferenceInbox,
  ReferenceStorage,
} from '../../support/reference-inbox.js';

const referenceInbox = (isDurable: boolean): XeniooInboxUnderTest => ({
  isDurable,
  createStorage: async () => new ReferenceStorage(ReferenceInbox, isDurable),
});

const memory: XeniooInboxUnderTest = {
  isDurable: false,
  createStorage: async () => ({
    open: async settings =>
      new MemoryInbox(
        { maxPending: 100_000, acknowledgeWithinMs: 0 },
        settings,
      ),
  }),
};

const INBOXES = {
  'the memory inbox': memory,
  'the durable reference inbox': referenceInbox(true),
  'the volatile reference inbox': referenceInbox(false),
};

describe.each(Object.entries(INBOXES))('%s', (_name, inbox) => {
  beforeEach(() => Logger.overrideLogger(new LogRecorder()));

  const contract = xeniooInboxContract({ ...inbox, waitMs: 20_000 });
  it.each(contract)('$name', { timeout: 60_000 }, async ({ run }) => {
    expect(await run()).toBe(undefined);
  });
});
