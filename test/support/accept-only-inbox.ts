import type { XeniooDeadLetterStore } from '../../lib/inbox/index.js';
import { XeniooInbox, type XeniooInboxStats } from '../../lib/index.js';

const NO_DEAD_LETTERS: XeniooDeadLetterStore = {
  list: async () => [],
  get: async () => undefined,
  replay: async () => false,
  remove: async () => false,
};

/** Base of inboxes for tests of `accept()`, which run no handlers. */
export abstract class AcceptOnlyInbox extends XeniooInbox {
  override readonly deadLetters = NO_DEAD_LETTERS;

  async assertAccepting(): Promise<void> {}
  async start(): Promise<void> {}
  async pause(): Promise<void> {}
  async resume(): Promise<void> {}
  async idle(): Promise<void> {}
  async drain(): Promise<void> {}
  async stop(): Promise<void> {}

  async stats(): Promise<XeniooInboxStats> {
    return { pending: 0, running: 0, retries: 0, deadLetters: 0 };
  }
}
