import type { Readable } from 'node:stream';
import { describeSystemError } from './outcomes.js';
import { asRecordedCall, type RecordedCall } from './recorded-call.js';
import { UsageError } from './usage.error.js';

/** Options of reading a recording. */
export interface ReadOptions {
  /** Name of the file, for messages. */
  readonly file: string;
  /** Requires the time of each call. */
  readonly needsTimes: boolean;
  /** Called for an incomplete line. */
  readonly onIncompleteLine: (lineNumber: number) => void;
}

/**
 * Reads the calls of a recording, one in memory at a time.
 * @throws {UsageError} if it can't be read, or at a line that is not a call
 */
export async function* readRecording(
  input: Readable,
  { file, needsTimes, onIncompleteLine }: ReadOptions,
): AsyncGenerator<RecordedCall, undefined> {
  let lineNumber = 0;
  for await (const text of readLines(input, file)) {
    lineNumber++;
    if (text.trim() === '') continue;
    const line = parseJson(text);
    if (line === undefined) {
      onIncompleteLine(lineNumber);
      continue;
    }
    const call = asRecordedCall(line);
    if (!call || (needsTimes && call.receivedAt === undefined)) {
      const expected = needsTimes
        ? 'a recorded call with `receivedAt`, which --speed needs'
        : 'a recorded call: {"body":"…"}';
      throw new UsageError(
        `${file}, line ${lineNumber}: expected ${expected}. This line and the ones after it were not sent.`,
      );
    }
    yield call;
  }
}

// Not node:readline, which also breaks lines at U+2028.
async function* readLines(
  input: Readable,
  file: string,
): AsyncGenerator<string, undefined> {
  let rest = '';
  try {
    for await (const chunk of input.setEncoding('utf8')) {
      const lines = (chunk as string).split('\n');
      lines[0] = rest + lines[0]!;
      rest = lines.pop()!;
      yield* lines;
    }
  } catch (error) {
    throw new UsageError(`Cannot read ${file}: ${describeSystemError(error)}.`);
  }
  if (rest !== '') yield rest;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
