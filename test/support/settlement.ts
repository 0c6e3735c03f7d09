import type {
  XeniooProgress,
  XeniooSettlement,
} from '../../lib/handlers/xenioo.dispatch.js';

/** Progress of an entry whose handlers had their first attempt. */
export function progress(given: Partial<XeniooProgress> = {}): XeniooProgress {
  return { attempted: true, done: [], failed: [], ...given };
}

/** What a dispatcher gives back; nothing is left to do unless the test says so. */
export function settlement(
  given: Partial<XeniooSettlement> = {},
): XeniooSettlement {
  return {
    progress: progress(),
    failures: [],
    announce: async () => {},
    ...given,
  };
}
