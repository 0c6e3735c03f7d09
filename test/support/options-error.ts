import { XeniooOptionsError } from '../../lib/xenioo.errors.js';

/** What a check of options throws; none if it has nothing to say. */
export function optionsErrorOf(
  check: () => unknown,
): XeniooOptionsError | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof XeniooOptionsError) return error;
    throw error;
  }
}
