import { acceptingCases } from './inbox-contract.accepting.js';
import { deadLetterCases } from './inbox-contract.dead-letters.js';
import { orderCases, runningCases } from './inbox-contract.running.js';
import {
  durableCases,
  stoppingCases,
  volatileCases,
} from './inbox-contract.stopping.js';
import { InboxTestHarness } from './inbox-test-harness.js';
import type {
  XeniooInboxContractCase,
  XeniooInboxUnderTest,
} from './xenioo.inbox-under-test.js';

/**
 * Lists the requirements of every `XeniooInbox` as tests for any test runner.
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
  const { isDurable, keepsOrder = true, waitMs = 4_000 } = inbox;
  const cases = {
    ...acceptingCases,
    ...runningCases,
    ...(keepsOrder && orderCases),
    ...deadLetterCases,
    ...stoppingCases,
    ...(isDurable ? durableCases : volatileCases),
  };
  return Object.entries(cases).map(([name, meets]) => ({
    name,
    run: async () => {
      const storage = await inbox.createStorage();
      const test = new InboxTestHarness(storage, waitMs);
      try {
        await meets(test);
      } finally {
        await test.stop(0);
        await storage.remove?.();
      }
    },
  }));
}
