/**
 * The command can't run as given. It exits with 2; the message says what was
 * expected, and never holds a secret or a person's words.
 */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
