import type { MemoryInboxSettings } from '../memory/memory.inbox.js';
import type { XeniooInbox } from '../inbox/xenioo.inbox.js';
import { Bench } from './inbox-bench.js';
import { acceptingCases } from './inbox-contract.accepting.js';
import { deadLetterCases } from './inbox-contract.dead-letters.js';
import { dispatchingCases } from './inbox-contract.dispatching.js';
import { replayCases } from './inbox-contract.replays.js';
import { restartingCases } from './inbox-contract.restarting.js';

/** The options of the module that an inbox takes. */
export type XeniooInboxSettings = MemoryInboxSettings;

/** An empty place for one test, where inboxes keep their things. */
export interface XeniooInboxStorage {
  /** Makes an inbox there; made again after the first was stopped, it is the same. */
  open(settings: XeniooInboxSettings): XeniooInbox | Promise<XeniooInbox>;
  /** Cleans up, when every inbox there was stopped. */
  remove?(): void | Promise<void>;
}

/** The inbox that is to be tested, and what it promises. */
export interface XeniooInboxUnderTest {
  /** Makes an empty place for one test. */
  createStorage(): XeniooInboxStorage | Promise<XeniooInboxStorage>;
  /** Whether what was accepted outlives the process. */
  readonly isDurable: boolean;
  /**
   * Whether first attempts of one conversation come one after another, in order.
   * @default true
   */
  readonly keepsOrder?: boolean;
  /**
   * How long it may take for what it must do at once, in milliseconds.
   * @default 4_000
   */
  readonly waitMs?: number;
}

/** One thing that every inbox must do. */
export interface XeniooInboxContractCase {
  /** What it must do, in words. */
  readonly name: string;
  /** Rejects with an `AssertionError` where it does not. */
  readonly run: () => Promise<void>;
}

/**
 * What every `XeniooInbox` must do, as tests for any runner.
 *
 * @example
 * ```ts
 * describe('my inbox', () => {
 *   for (const { name, run } of xeniooInboxContract({ createStorage, isDurable: true })) {
 *     it(name, run);
 *   }
 * });
 * ```
 */
export function xeniooInboxContract(
  inbox: XeniooInboxUnderTest,
): XeniooInboxContractCase[] {
  const cases = {
    ...acceptingCases,
    ...dispatchingCases(inbox.keepsOrder ?? true),
    ...deadLetterCases,
    ...replayCases,
    ...(inbox.isDurable && restartingCases),
  };
  return Object.entries(cases).map(([name, test]) => ({
    name,
    run: async () => {
      const storage = await inbox.createStorage();
      const bench = new Bench(storage, inbox.waitMs ?? 4_000);
      try {
        await test(bench);
      } finally {
        await bench.clear();
        await storage.remove?.();
      }
    },
  }));
}
