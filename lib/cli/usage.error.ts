/**
 * The command can't be run as it was given. Ends the process with 2; the
 * message says what was expected, and never holds a secret.
 */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
