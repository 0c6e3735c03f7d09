import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { showLiveLine } from '../../../lib/cli/live-line.js';
import { recordTerminal } from '../../support/terminal-recorder.js';

beforeEach(() => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
});

/** A line that tells a number, and what is printed of it. */
function start({ inPlace }: { inPlace: boolean }) {
  const screen = new PassThrough({ encoding: 'utf8' });
  const terminal = { ...recordTerminal(), columns: 20, progress: screen };
  const state = { calls: 0 };
  const line = showLiveLine(() => `${state.calls} calls`, terminal, {
    inPlace,
  });
  onTestFinished(() => line.end());
  const drawn = () =>
    ((screen.read() as string | null) ?? '').replaceAll(
      '\u001B[1G\u001B[2K',
      '<',
    );
  return { line, state, drawn, printed: terminal.stderr };
}

describe('a line that tells how it stands', () => {
  it('is drawn again in place, as it changes', () => {
    const { line, state, drawn, printed } = start({ inPlace: true });

    vi.advanceTimersByTime(1_000);
    state.calls = 7;
    vi.advanceTimersByTime(1_000);
    line.end();

    expect(drawn()).toBe('0 calls<7 calls<');
    expect(printed()).toBe('');
  });

  it('makes room for a remark, and comes again', () => {
    const { line, drawn, printed } = start({ inPlace: true });

    vi.advanceTimersByTime(300);
    line.tell('Mind the gap.');
    vi.advanceTimersByTime(300);

    expect(drawn()).toBe('0 calls<0 calls');
    expect(printed()).toBe('Mind the gap.\n');
  });

  it('is cut where it would wrap', () => {
    const { state, drawn } = start({ inPlace: true });
    state.calls = 1e20;

    vi.advanceTimersByTime(300);

    expect(drawn()).toBe('1000000000000000000');
  });

  it('is printed now and then for any other reader, if it has changed', () => {
    const { line, state, drawn, printed } = start({ inPlace: false });

    vi.advanceTimersByTime(60_000);
    state.calls = 7;
    line.update();
    state.calls = 8;
    vi.advanceTimersByTime(60_000);
    line.end();

    expect(printed()).toBe('0 calls\n7 calls\n8 calls\n');
    expect(drawn()).toBe('');
  });
});
