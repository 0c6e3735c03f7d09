import { describe, expect, it } from 'vitest';
import { Logger } from '@nestjs/common';
import type { XeniooDispatch } from '../../../lib/handlers/xenioo.dispatch.js';
import { MemoryInbox } from '../../../lib/memory/memory.inbox.js';
import type { XeniooDelivery } from '../../../lib/inbox/xenioo.inbox.js';
import {
  xeniooInboxContract,
  type XeniooInboxSettings,
} from '../../../lib/testing/index.js';
import { LogRecorder } from '../../support/log-recorder.js';

type Inbox = new (settings: XeniooInboxSettings) => MemoryInbox;

/** Names of what an inbox does not do. */
async function brokenBy(
  inbox: Inbox,
  isDurable = false,
): Promise<readonly string[]> {
  Logger.overrideLogger(new LogRecorder());
  const broken: string[] = [];
  const contract = xeniooInboxContract({
    isDurable,
    waitMs: 200,
    createStorage: () => ({ open: settings => new inbox(settings) }),
  });
  for (const { name, run } of contract) {
    await run().catch(() => broken.push(name));
  }
  return broken;
}

describe('the contract finds an inbox that', () => {
  it('hands over twice', async () => {
    class Twice extends MemoryInbox {
      override start(dispatch: XeniooDispatch) {
        return super.start(async (entry, attempt) => {
          await dispatch(entry, attempt);
          return dispatch(entry, attempt);
        });
      }
    }

    expect(await brokenBy(Twice)).toContain(
      'hands over what it accepted, once, as it came',
    );
  });

  it('loses an entry', async () => {
    class Forgetful extends MemoryInbox {
      override accept({ entries }: XeniooDelivery) {
        return super.accept({ entries: entries.slice(0, 999) });
      }
    }

    expect(await brokenBy(Forgetful)).toEqual([
      'hands over each of 1,000 entries of a call once',
      'hands over a conversation in the order of its calls, however large they are',
    ]);
  });

  it('lets another call in between', async () => {
    class Interrupted extends MemoryInbox {
      override async accept({ entries }: XeniooDelivery) {
        for (let from = 0; from < entries.length; from += 1_000) {
          await super.accept({ entries: entries.slice(from, from + 1_000) });
          await new Promise(setImmediate);
        }
      }
    }

    expect(await brokenBy(Interrupted)).toContain(
      'hands over a conversation in the order of its calls, however large they are',
    );
  });

  it('does not deduplicate', async () => {
    class Credulous extends MemoryInbox {
      constructor(settings: XeniooInboxSettings) {
        super({ ...settings, dedupe: false });
      }
    }

    expect(await brokenBy(Credulous)).toEqual([
      'drops a dated entry that it accepted before',
      'drops a dated entry that comes twice at the same time',
      'forgets the oldest ids past `maxIds`',
    ]);
  });

  it('hands over in any order', async () => {
    class Shuffling extends MemoryInbox {
      override accept({ entries }: XeniooDelivery) {
        return super.accept({
          entries: entries.map(entry =>
            Object.assign(Object.create(entry) as typeof entry, {
              date: undefined,
            }),
          ),
        });
      }
    }

    expect(await brokenBy(Shuffling)).toContain(
      'hands over a conversation in the order of its dates, all seven digits',
    );
  });

  it('handles one at a time', async () => {
    class Single extends MemoryInbox {
      constructor(settings: XeniooInboxSettings) {
        super({ ...settings, concurrency: 1 });
      }
    }

    expect(await brokenBy(Single)).toEqual(
      expect.arrayContaining([
        'hands over no more than `concurrency` at once',
        'hands over conversations, and what is in none, side by side',
      ]),
    );
  });

  it('retries at once', async () => {
    class Hasty extends MemoryInbox {
      override start(dispatch: XeniooDispatch) {
        return super.start(async (entry, attempt) => {
          const settlement = await dispatch(entry, attempt);
          const { retryAt } = settlement;
          return retryAt === undefined
            ? settlement
            : { ...settlement, retryAt: 0 };
        });
      }
    }

    expect(await brokenBy(Hasty)).toContain(
      'hands an entry over again when it is due, with its progress',
    );
  });

  it('keeps no dead letters', async () => {
    class Careless extends MemoryInbox {
      override start(dispatch: XeniooDispatch) {
        return super.start(async (entry, attempt) => ({
          ...(await dispatch(entry, attempt)),
          failures: [],
        }));
      }
    }

    expect(await brokenBy(Careless)).toEqual(
      expect.arrayContaining([
        'keeps what handlers gave up on, before that is announced',
        'makes one letter of handlers that give up one after another',
      ]),
    );
  });

  it('is said to be durable and is not', async () => {
    expect(await brokenBy(MemoryInbox, true)).toEqual([
      'hands over after a restart what was accepted before',
      'knows after a restart which handlers were done in an attempt that did not end',
      'goes on after a restart with what waits for a retry',
      'drops after a restart what was accepted before',
      'keeps dead letters over a restart',
    ]);
  });
});
