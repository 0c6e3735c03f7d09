/** Far more than a call of 10 MB takes: what is longer is no recording. */
const LONGEST_LINE = 134_217_728;

const LINE_BREAK = 10;

/** A line, or what is wrong with it. */
export interface ReadLine {
  /** Counts from 1. */
  readonly number: number;
  readonly text?: string;
  readonly problem?: string;
}

/** Cuts bytes into lines, no more than one of them in memory. It ends with a line that is too long. */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<ReadLine, undefined> {
  let open: Uint8Array[] = [];
  let length = 0;
  let number = 0;
  const close = () => {
    const line = textOf(Buffer.concat(open, length));
    open = [];
    length = 0;
    return { number: ++number, ...line };
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LINE_BREAK, start);
      const piece = chunk.subarray(start, end < 0 ? undefined : end);
      open.push(piece);
      length += piece.length;
      if (length > LONGEST_LINE) {
        yield { number: number + 1, problem: 'it is too long for a call' };
        return;
      }
      if (end < 0) break;
      yield close();
      start = end + 1;
    }
  }
  if (length > 0) yield close();
}

function textOf(bytes: Uint8Array): Pick<ReadLine, 'text' | 'problem'> {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return { problem: 'it is not in UTF-8' };
  }
}
