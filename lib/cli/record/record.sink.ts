/** Where the lines of a recording go. */
export interface RecordSink {
  /** Resolves when the line is safe, and rejects when it is not: then nothing of it is kept. Lines keep their order. */
  append(line: string): Promise<void>;
  close(): Promise<void>;
}
