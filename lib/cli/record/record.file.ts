import { open, type FileHandle } from 'node:fs/promises';
import { UsageError } from '../usage.error.js';
import {
  inspectRecording,
  NO_RECORDING,
  type FoundRecording,
} from './inspect-recording.js';
import type { RecordSink } from './record.sink.js';
import { whyUnwritten } from './why-unwritten.js';

interface Waiting {
  readonly line: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const LARGEST_BATCH = 16_777_216;

/** A file that is appended to and synced; lines that wait at the same time share a sync. */
export class RecordFile implements RecordSink {
  private readonly waiting: Waiting[] = [];
  private writing: Promise<void> | undefined;
  private isTorn = false;

  private constructor(
    private readonly file: FileHandle,
    /** A pipe or a device has no end to cut, and nothing to sync. */
    private readonly isRegular: boolean,
    /** What was in it. */
    readonly found: FoundRecording,
    /** Bytes of whole lines. */
    private length: number,
  ) {}

  /**
   * Opens a file for appending, or makes one that nobody else may read. What a
   * crash left of a line is cut off: its call was not answered.
   * @throws {UsageError} where it can't be written, or holds anything else
   */
  static async open(path: string): Promise<RecordFile> {
    const file = await open(path, 'a+', 0o600).catch((error: unknown) => {
      throw new UsageError(
        `${path} can't be written: ${whyUnwritten(error)}. Give another --out.`,
      );
    });
    const status = await file.stat();
    if (!status.isFile()) return new RecordFile(file, false, NO_RECORDING, 0);
    const found = await inspectRecording(file, status.size);
    if (found === undefined) {
      await file.close();
      throw new UsageError(
        `${path} is there already and is no recording: give another --out, and it stays as it is.`,
      );
    }
    const { wholeBytes, tornBytes, lacksLineBreak } = found;
    if (tornBytes > 0) await file.truncate(wholeBytes);
    const opened = new RecordFile(file, true, found, wholeBytes);
    if (lacksLineBreak) await opened.append('\n');
    return opened;
  }

  append(line: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ line, resolve, reject });
      this.writing ??= this.writeAll();
    });
  }

  async close(): Promise<void> {
    await this.writing;
    await this.file.close();
  }

  /** Never rejects: who appended hears of it. */
  private async writeAll(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.takeBatch();
      try {
        await this.write(Buffer.from(batch.map(({ line }) => line).join('')));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.writing = undefined;
  }

  private takeBatch(): Waiting[] {
    let size = 0;
    const isOver = ({ line }: Waiting) => (size += line.length) > LARGEST_BATCH;
    const end = this.waiting.findIndex(isOver);
    return this.waiting.splice(0, end < 0 ? Infinity : Math.max(1, end));
  }

  private async write(bytes: Buffer): Promise<void> {
    if (this.isTorn) await this.cutTornLines();
    this.isTorn = true;
    try {
      await this.file.appendFile(bytes);
      if (this.isRegular) await this.file.datasync();
      this.isTorn = false;
      this.length += bytes.length;
    } catch (error) {
      // At once, so that whoever reads the file finds whole lines; else before the next one.
      await this.cutTornLines().catch(() => {});
      throw error;
    }
  }

  private async cutTornLines(): Promise<void> {
    if (this.isRegular) await this.file.truncate(this.length);
    this.isTorn = false;
  }
}
