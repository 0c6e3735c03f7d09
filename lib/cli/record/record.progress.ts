import { showLiveLine } from '../live-line.js';
import type { Terminal } from '../terminal.js';
import { describeCounts, type RecordingCounts } from './recording.counts.js';

/** Tells how a recording goes, until it ends. */
export interface RecordProgress {
  /** Hears of each call. */
  onCall(): void;
  /** Tells a trouble once, and again after a call has been recorded. */
  onTrouble(trouble: string): void;
  end(): void;
}

/** Counts calls and events; in place where nothing else goes to the same screen. */
export function showRecordProgress(
  counts: Readonly<RecordingCounts>,
  terminal: Terminal,
  options: { readonly inPlace: boolean },
): RecordProgress {
  const line = showLiveLine(() => describeCounts(counts), terminal, options);
  const told = new Set<string>();
  let recorded = 0;
  return {
    onCall() {
      if (counts.calls === recorded) return;
      // That there is one at all is what is waited for.
      if (recorded === 0) line.update();
      recorded = counts.calls;
      told.clear();
    },
    onTrouble(trouble) {
      if (told.has(trouble)) return;
      told.add(trouble);
      line.tell(trouble);
    },
    end: () => line.end(),
  };
}
