import type { XeniooReport } from '../../simulator/xenioo-report.js';
import { showLiveLine } from '../live-line.js';
import type { Terminal } from '../terminal.js';
import type { RecordingSize } from './read-recording.js';

/** Tells how a replay goes, until it ends. */
export interface ReplayProgress {
  readonly onCall: (soFar: () => XeniooReport) => void;
  end(): void;
}

/** Counts what is sent, of so many calls where that is known. */
export function showReplayProgress(
  url: string,
  size: RecordingSize | undefined,
  terminal: Terminal,
): ReplayProgress {
  const calls = size ? count(size.calls, 'call') : 'Calls as they come';
  terminal.err(`${calls} to ${url}; Ctrl-C ends it.`);
  let latest: (() => XeniooReport) | undefined;
  const describe = () => {
    if (!latest) return 'no answer yet';
    const { calls, events, failed, failuresLeft } = latest();
    const of = size ? ` of ${size.calls.toLocaleString('en')}` : '';
    return `${calls.toLocaleString('en')}${of} calls with ${count(events, 'event')} sent, ${failed} failed, ${failuresLeft} left`;
  };
  const line = showLiveLine(describe, terminal, {
    inPlace: terminal.isInteractive,
  });
  return {
    onCall: soFar => void (latest = soFar),
    end: () => line.end(),
  };
}

function count(number: number, what: string): string {
  return `${number.toLocaleString('en')} ${what}${number === 1 ? '' : 's'}`;
}
