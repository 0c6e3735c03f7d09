/** Message and stack of whatever was thrown, as a logger takes them. */
export function describeError(error: unknown): {
  message: string;
  stack: string | undefined;
} {
  return error instanceof Error
    ? { message: error.message, stack: error.stack }
    : { message: String(error), stack: undefined };
}
