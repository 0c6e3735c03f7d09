import type { Refusal } from './verify-bearer.js';

const WINDOW_MS = 60_000;

const WHAT_WAS_WRONG = {
  missing: 'it has no Authorization header',
  'another-scheme': 'its Authorization header is of another scheme than Bearer',
  'unknown-secret': 'its secret is none of those configured',
  'white-space':
    'its secret differs from a configured one by white space alone',
} as const satisfies Record<Refusal, string>;

/** Says why calls were refused, one line a kind and minute: a scanner must not fill the log. */
export class RefusalLog {
  private readonly kinds = new Map<
    Refusal,
    { until: number; unsaid: number }
  >();

  constructor(
    private readonly warn: (line: string) => void,
    private readonly now: () => number = () => performance.now(),
  ) {}

  note(refusal: Refusal, address = 'an address unknown'): void {
    const now = this.now();
    const kind = this.kinds.get(refusal);
    if (kind && now < kind.until) {
      kind.unsaid++;
      return;
    }
    const others = kind?.unsaid ? ` (and ${kind.unsaid} more before it)` : '';
    this.kinds.set(refusal, { until: now + WINDOW_MS, unsaid: 0 });
    this.warn(
      `Answered 401 to a call from ${address}: ${WHAT_WAS_WRONG[refusal]}${others}`,
    );
  }
}
