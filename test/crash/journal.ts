import { openSync, closeSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';

interface JournalFile {
  readonly descriptor: number;
  /** Start of an incomplete line. */
  rest: string;
}

/** Reader of the handler runs that processes recorded: one file per process, one line per run. */
export class Journal {
  /** Number of records of each run, such as `keep 7`. */
  readonly runs = new Map<string, number>();
  private readonly files = new Map<string, JournalFile>();
  private readonly buffer = Buffer.alloc(2 ** 16);

  constructor(private readonly folder: string) {}

  /** Reads the added lines. */
  read(): void {
    for (const name of readdirSync(this.folder)) {
      const file = this.files.get(name) ?? {
        descriptor: openSync(join(this.folder, name), 'r'),
        rest: '',
      };
      this.files.set(name, file);
      this.readRest(file);
    }
  }

  close(): void {
    for (const { descriptor } of this.files.values()) closeSync(descriptor);
  }

  private readRest(file: JournalFile): void {
    const { buffer } = this;
    for (;;) {
      const size = readSync(file.descriptor, buffer, 0, buffer.length, null);
      if (size === 0) return;
      const text = file.rest + buffer.toString('latin1', 0, size);
      const lines = text.split('\n');
      file.rest = lines.pop()!;
      for (const run of lines) {
        this.runs.set(run, (this.runs.get(run) ?? 0) + 1);
      }
    }
  }
}
