import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import { parseLine, type RecordedCall } from '../record/recorded-call.js';
import { UsageError } from '../usage.error.js';
import { readLines } from './line.reader.js';

/** Broken lines that are named. */
const MOST_NAMED = 10;

/** What a recording holds. */
export interface RecordingSize {
  readonly calls: number;
  readonly events: number;
}

/** What `read` needs of a recording besides. */
export interface ReadOptions {
  /** Whether each call must tell when it came. */
  readonly needsTimes: boolean;
  readonly signal: AbortSignal;
}

type Line =
  | { readonly number: number; readonly call: RecordedCall }
  | { readonly number: number; readonly problem: string };

/**
 * Looks at each line of a file before anything of it is sent. A pipe can't be
 * read twice, and is not looked at: `undefined`.
 *
 * @throws {UsageError} that names the broken lines
 */
export async function checkRecording(
  path: string,
  options: ReadOptions,
): Promise<RecordingSize | undefined> {
  const isFile = path !== '-' && (await statusOf(path)).isFile();
  if (!isFile) return undefined;
  const broken: string[] = [];
  let calls = 0;
  let events = 0;
  let isCut = false;
  for await (const line of linesOf(path, options)) {
    if ('call' in line) {
      calls++;
      events += line.call.events;
    } else if (broken.length < MOST_NAMED) broken.push(named(line));
    else isCut = true;
  }
  if (broken.length > 0) {
    const more = isCut ? '\n  and more' : '';
    throw new UsageError(
      `${path} holds lines that are no calls, and nothing was sent:\n  ${broken.join('\n  ')}${more}`,
    );
  }
  return { calls, events };
}

/**
 * The calls of a recording, one in memory at a time; `-` is stdin.
 *
 * @throws {UsageError} at the first line that is broken
 */
export async function* readRecording(
  path: string,
  options: ReadOptions,
): AsyncGenerator<RecordedCall, undefined> {
  for await (const line of linesOf(path, options)) {
    if ('problem' in line) {
      throw new UsageError(
        `${named(line)}. Neither this line nor any behind it was sent.`,
      );
    }
    yield line.call;
  }
}

async function* linesOf(
  path: string,
  { needsTimes, signal }: ReadOptions,
): AsyncGenerator<Line, undefined> {
  const input: Readable = path === '-' ? process.stdin : createReadStream(path);
  const chunks = addAbortSignal(signal, input) as AsyncIterable<Uint8Array>;
  try {
    for await (const { number, text = '', problem } of readLines(chunks)) {
      if (problem !== undefined) yield { number, problem };
      // Nothing is in it: such as what an editor leaves at the end.
      if (text.trim() === '') continue;
      const call = parseLine(text);
      if (typeof call === 'string') yield { number, problem: call };
      else if (needsTimes && !call.receivedAt) {
        yield {
          number,
          problem: 'it has no `receivedAt`, which --speed needs',
        };
      } else yield { number, call };
    }
  } catch (error) {
    if (!signal.aborted) throw asUsageError(path, error);
  } finally {
    input.destroy();
  }
}

function named({ number, problem }: { number: number; problem: string }) {
  return `line ${number}: ${problem}`;
}

async function statusOf(path: string) {
  return stat(path).catch((error: unknown) => {
    throw asUsageError(path, error);
  });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'there is no right to',
  EISDIR: 'it is a folder',
};

function asUsageError(path: string, error: unknown): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall === undefined || code === undefined) return error;
  return new UsageError(`${path} can't be read: ${REASONS[code] ?? code}.`);
}
