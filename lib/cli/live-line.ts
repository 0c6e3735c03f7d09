import { clearLine, cursorTo } from 'node:readline';
import type { Terminal } from './terminal.js';

const REDRAWN_EVERY_MS = 250;
const TOLD_EVERY_MS = 10_000;

/** A line on stderr that tells how it stands. */
export interface LiveLine {
  /** Tells it now, if it has changed. */
  update(): void;
  /** Prints a remark beside it. */
  tell(remark: string): void;
  /** Takes it away, where it was drawn in place. */
  end(): void;
}

/** Draws a line in place, several times a second; or prints it as it changes, every 10 s. */
export function showLiveLine(
  describe: () => string,
  terminal: Terminal,
  { inPlace }: { readonly inPlace: boolean },
): LiveLine {
  const { progress } = terminal;
  let shown = '';
  const clear = () => {
    if (!inPlace || shown === '') return;
    cursorTo(progress, 0);
    clearLine(progress, 0);
    shown = '';
  };
  const update = () => {
    const line = describe();
    if (line === shown) return;
    clear();
    shown = line;
    // A line that wraps could not be taken away.
    if (inPlace) progress.write(line.slice(0, terminal.columns - 1));
    else terminal.err(line);
  };
  const timer = setInterval(update, inPlace ? REDRAWN_EVERY_MS : TOLD_EVERY_MS);
  return {
    update,
    tell(remark) {
      clear();
      terminal.err(remark);
    },
    end() {
      clearInterval(timer);
      clear();
    },
  };
}
