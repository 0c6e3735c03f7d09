import { XeniooOptionsError } from '../../lib/xenioo.errors.js';

/** Returns the error that a check of options throws, or `undefined`. */
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
