import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CallWatch } from '../../../lib/webhook/call-watch.js';

const TIMEOUT_MS = 5_000;

class Call {
  isWaiting = true;
  timedOut = 0;

  timeOut() {
    this.timedOut++;
  }
}

/** Lets the turn end in which calls came. */
const endTurn = () => vi.advanceTimersByTime(0);

describe('a call that is watched', () => {
  let watch: CallWatch;
  const begun = () => {
    const call = new Call();
    watch.begin(call);
    return call;
  };

  beforeEach(() => {
    vi.useFakeTimers();
    watch = new CallWatch(TIMEOUT_MS);
  });
  afterEach(() => void vi.useRealTimers());

  it('is told once when it has waited too long, and not before', () => {
    const call = begun();
    endTurn();

    vi.advanceTimersByTime(TIMEOUT_MS - 1);
    expect(call.timedOut).toBe(0);
    vi.advanceTimersByTime(1);
    expect(call.timedOut).toBe(1);
    vi.advanceTimersByTime(10 * TIMEOUT_MS);
    expect(call.timedOut).toBe(1);
  });

  it('is told nothing after it was taken off', () => {
    const call = begun();
    endTurn();

    watch.end(call);
    vi.advanceTimersByTime(2 * TIMEOUT_MS);

    expect(call.timedOut).toBe(0);
  });

  it('costs no timer where it waits no more when its turn ends', () => {
    const call = begun();
    call.isWaiting = false;
    endTurn();

    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(2 * TIMEOUT_MS);
    expect(call.timedOut).toBe(0);
  });

  it('is told at its own time, though one timer runs for all', () => {
    const first = begun();
    endTurn();
    vi.advanceTimersByTime(2_000);
    const second = begun();
    endTurn();
    expect(vi.getTimerCount()).toBe(1);

    vi.advanceTimersByTime(TIMEOUT_MS - 2_000);
    expect([first.timedOut, second.timedOut]).toEqual([1, 0]);
    vi.advanceTimersByTime(2_000);
    expect([first.timedOut, second.timedOut]).toEqual([1, 1]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is told where one came before it that waits no more', () => {
    const gone = begun();
    const call = begun();
    endTurn();

    watch.end(gone);
    vi.advanceTimersByTime(TIMEOUT_MS);

    expect([gone.timedOut, call.timedOut]).toEqual([0, 1]);
  });
});
