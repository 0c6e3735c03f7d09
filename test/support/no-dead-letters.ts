import type { XeniooDeadLetterStore } from '../../lib/index.js';

/** For inboxes of tests that are about something else. */
export const NO_DEAD_LETTERS: XeniooDeadLetterStore = {
  list: async () => [],
  get: async () => undefined,
  replay: async () => false,
  remove: async () => false,
};
