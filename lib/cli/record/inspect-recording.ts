import type { FileHandle } from 'node:fs/promises';
import { parseLine } from './recorded-call.js';

/** What a recording holds that is to be gone on with. */
export interface FoundRecording {
  /** Bytes of whole lines, from its begin. */
  readonly wholeBytes: number;
  /** Bytes behind them, of a line that broke off. */
  readonly tornBytes: number;
  /** Whether its last line is whole, and only the line break behind it is missing. */
  readonly lacksLineBreak: boolean;
}

/** What it is when nothing was in it. */
export const NO_RECORDING: FoundRecording = {
  wholeBytes: 0,
  tornBytes: 0,
  lacksLineBreak: false,
};

const RECORD_START = /^\s*\{\s*"(?:receivedAt|contentType|body|text)"/;

const STEP = 65_536;

/** Looks at both ends of a file; `undefined` where it is no recording. */
export async function inspectRecording(
  file: FileHandle,
  size: number,
): Promise<FoundRecording | undefined> {
  if (size === 0) return NO_RECORDING;
  const start = await read(file, 0, Math.min(size, 1_024));
  if (!isRecordStart(start.toString('utf8'))) return undefined;
  const lastLineAt = await afterLastLineBreak(file, size);
  const tornBytes = size - lastLineAt;
  const last = await read(file, lastLineAt, tornBytes);
  const isWhole =
    tornBytes > 0 && typeof parseLine(last.toString('utf8')) === 'object';
  return isWhole
    ? { ...NO_RECORDING, wholeBytes: size, lacksLineBreak: true }
    : { ...NO_RECORDING, wholeBytes: lastLineAt, tornBytes };
}

/** A line that broke off may be shorter than what it is known by. */
function isRecordStart(text: string): boolean {
  return RECORD_START.test(text) || '{"receivedAt":'.startsWith(text);
}

async function afterLastLineBreak(
  file: FileHandle,
  size: number,
): Promise<number> {
  for (let end = size; end > 0; end -= STEP) {
    const from = Math.max(0, end - STEP);
    const lineBreak = (await read(file, from, end - from)).lastIndexOf('\n');
    if (lineBreak >= 0) return from + lineBreak + 1;
  }
  return 0;
}

async function read(
  file: FileHandle,
  position: number,
  length: number,
): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read({ buffer, position });
  return buffer.subarray(0, bytesRead);
}
