/** Returns the message and stack of any thrown value, for a logger. Never throws. */
export function describeError(error: unknown): {
  message: string;
  stack: string | undefined;
} {
  try {
    if (!(error instanceof Error)) {
      return { message: String(error), stack: undefined };
    }
    const { message, stack }: { message: unknown; stack?: unknown } = error;
    return {
      message: String(message),
      stack: typeof stack === 'string' ? stack : undefined,
    };
  } catch {
    return {
      message: 'a value without a string representation',
      stack: undefined,
    };
  }
}
