/**
 * Thrown for invalid arguments; the command exits with 2. The message says what was
 * expected and contains no secret or personal data.
 */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
