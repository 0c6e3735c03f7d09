import { plural } from '../plural.js';
import type { Refusal } from './verify-bearer.js';

const WINDOW_MS = 60_000;

const EXPLANATIONS = {
  missing: 'it has no Authorization header',
  'another-scheme': 'its Authorization header has a scheme other than Bearer',
  'unknown-secret': 'its secret is not configured',
  'white-space': 'its secret differs from a configured one only in white space',
} as const satisfies Record<Refusal, string>;

/** Logs why calls were answered 401: one line per reason and minute, so that a scanner does not fill the log. */
export class RefusalLog {
  private readonly windows = new Map<
    Refusal,
    { readonly until: number; unlogged: number }
  >();

  constructor(
    private readonly warn: (line: string) => void,
    private readonly now: () => number = () => performance.now(),
  ) {}

  log(refusal: Refusal, address = 'an unknown address'): void {
    const now = this.now();
    const window = this.windows.get(refusal);
    if (window && now < window.until) {
      window.unlogged++;
      return;
    }
    this.windows.set(refusal, { until: now + WINDOW_MS, unlogged: 0 });
    const others = window?.unlogged
      ? ` (${plural(window.unlogged, 'more call')} since the last such line)`
      : '';
    this.warn(
      `Answered 401 to a call from ${address}: ${EXPLANATIONS[refusal]}${others}`,
    );
  }
}
