/** Thrown when the project can't be changed. The message says how to proceed. */
export class InitError extends Error {
  override readonly name = 'InitError';
}
