import { isNativeError } from 'node:util/types';

/** Length of a message or stack above which the rest is left out. */
const MAX_LENGTH = 10_000;

/** Number of causes that a message names. */
const MAX_CAUSES = 3;

/** Returns the message of any thrown value, with those of its causes, and its stack, for a logger. Never throws. */
export function describeError(error: unknown): {
  message: string;
  stack: string | undefined;
} {
  try {
    if (!isError(error))
      return { message: cut(textOf(error)), stack: undefined };
    const { stack }: { stack?: unknown } = error;
    return {
      message: cut(messageWithCauses(error)),
      stack: typeof stack === 'string' ? cut(stack) : undefined,
    };
  } catch {
    return {
      message: 'a value without a string representation',
      stack: undefined,
    };
  }
}

/** Cuts a long text: messages of errors may contain whole answers or statements. */
function cut(text: string): string {
  return text.length > MAX_LENGTH
    ? `${text.slice(0, MAX_LENGTH)}… (${text.length} characters)`
    : text;
}

/** Accepts errors of other realms as well: Jest runs tests in one of their own. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || isNativeError(value);
}

/** Appends the causes that the message does not contain: `fetch failed (cause: connect ECONNREFUSED 127.0.0.1:5432)`. */
function messageWithCauses(error: Error): string {
  const message = messageOf(error);
  const causes = new Set<string>();
  for (const cause of causesOf(error)) {
    const text = isError(cause) ? messageOf(cause) : textOf(cause);
    if (!message.includes(text)) causes.add(text);
    if (causes.size === MAX_CAUSES) break;
  }
  if (causes.size === 0) return message;
  const label = causes.size === 1 ? 'cause' : 'causes';
  return `${message} (${label}: ${[...causes].join('; ')})`;
}

/** Yields the causes of an error, their causes, and the errors of an `AggregateError`. */
function* causesOf(error: unknown, depth = 0): Generator {
  if (!isError(error) || depth === MAX_CAUSES) return;
  const { cause, errors }: { cause?: unknown; errors?: unknown } = error;
  const own = [
    ...(cause === undefined ? [] : [cause]),
    ...(Array.isArray(errors) ? (errors as unknown[]) : []),
  ];
  for (const each of own) {
    yield each;
    yield* causesOf(each, depth + 1);
  }
}

function messageOf(error: Error): string {
  const { message, name }: { message: unknown; name: unknown } = error;
  return String(message) || String(name);
}

/** Names the fields of an object, not their values, which may be what people wrote. */
function textOf(thrown: unknown): string {
  const text = String(thrown);
  if (text !== '[object Object]') return text;
  const { message } = thrown as { message?: unknown };
  if (typeof message === 'string' && message) return message;
  const fields = Object.keys(thrown as object).join(', ');
  return `an object that is not an Error, with ${fields ? `the fields ${fields}` : 'no fields'}`;
}
