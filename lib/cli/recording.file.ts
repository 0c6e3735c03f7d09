import { open, type FileHandle } from 'node:fs/promises';
import { describeSystemError } from './outcomes.js';
import { formatLine, type RecordedCall } from './recorded-call.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage.error.js';

const FIRST_MEMBER = /^\{"(receivedAt|contentType|body)":/;

/**
 * Appends calls to a file or to stdout, one after another. An incomplete line stays in
 * the recording and is skipped when it is read.
 */
export class RecordingFile {
  private lastWrite: Promise<void> = Promise.resolve();

  private constructor(
    private readonly write: (text: string) => Promise<void>,
    /** True if the last line may be incomplete. */
    private hasIncompleteLine: boolean,
    readonly close: () => Promise<void>,
  ) {}

  /**
   * Opens a file for appending. A new file is readable only by its owner.
   * @throws {UsageError} if it can't be written, or exists and is not a recording
   */
  static async open(path: string): Promise<RecordingFile> {
    // Synchronous mode: a write ends when its bytes are on the disk.
    const file = await open(path, 'as+', 0o600).catch((error: unknown) => {
      throw new UsageError(
        `Cannot write ${path}: ${describeSystemError(error)}. Fix: choose another --out.`,
      );
    });
    const { size } = await file.stat();
    if (size > 0 && !FIRST_MEMBER.test(await readText(file, 0, 32))) {
      await file.close();
      throw new UsageError(
        `${path} exists and is not a recording. Fix: choose another --out.`,
      );
    }
    return new RecordingFile(
      text => file.appendFile(text),
      size > 0 && (await readText(file, size - 1, 1)) !== '\n',
      () => file.close(),
    );
  }

  /** Creates a recording that is written to stdout. */
  static toStdout(terminal: Terminal): RecordingFile {
    return new RecordingFile(
      text => terminal.flush(text),
      false,
      async () => {},
    );
  }

  /** Resolves when the call is written; rejects when writing fails. */
  append(call: RecordedCall): Promise<void> {
    const written = this.lastWrite.then(async () => {
      const text = formatLine(call);
      const lineBreak = this.hasIncompleteLine ? '\n' : '';
      this.hasIncompleteLine = true;
      await this.write(lineBreak + text);
      this.hasIncompleteLine = false;
    });
    this.lastWrite = written.catch(() => {});
    return written;
  }
}

async function readText(
  file: FileHandle,
  position: number,
  length: number,
): Promise<string> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read({ buffer, position });
  return buffer.toString('utf8', 0, bytesRead);
}
