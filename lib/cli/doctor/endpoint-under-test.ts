import type { XeniooAnswer } from '../../simulator/post.js';
import type { XeniooCallOptions } from '../../simulator/xenioo.sender-options.js';
import { XeniooSender } from '../../simulator/xenioo.sender.js';
import { maskSecret } from '../mask-secret.js';
import { describeOutcome, type CallOutcome } from '../outcomes.js';
import { DoctorEntries } from './doctor.entries.js';

/** Endpoint to check. */
export interface EndpointUnderTestOptions {
  readonly url: URL;
  readonly secret: string;
  readonly timeoutMs: number;
  readonly botToken?: string | undefined;
  readonly signal: AbortSignal;
}

/** Fault that a check has reported. */
export interface Fault {
  readonly id: string;
  readonly title: string;
  readonly outcome: CallOutcome;
}

/** The endpoint that the doctor checks, with the faults found so far. */
export class EndpointUnderTest {
  readonly entries: DoctorEntries;
  /** Shape in which the endpoint accepts an event; also the id of the check that finds it. */
  shape: 'object' | 'array' = 'object';
  /** Answer to the first call. */
  firstAnswer: XeniooAnswer | undefined;
  /** Slowest answer to a call that Xenioo makes. */
  slowest: { readonly latencyMs: number; readonly title: string } | undefined;
  calls = 0;
  private readonly faults: Fault[] = [];
  private readonly sender: XeniooSender;

  constructor(readonly options: EndpointUnderTestOptions) {
    const { url, secret, timeoutMs, botToken } = options;
    this.entries = new DoctorEntries(botToken);
    const failures = 'ignore';
    this.sender = new XeniooSender({ url, secret, timeoutMs, failures });
  }

  /** Makes one call, with the right secret unless the options replace it. */
  call(body: unknown, options: XeniooCallOptions = {}): Promise<XeniooAnswer> {
    this.calls += 1;
    const { signal } = this.options;
    return this.sender.call(body, { ...options, signal });
  }

  /** Sends one entry in the shape that the endpoint accepts. */
  send(entry: unknown, options?: XeniooCallOptions): Promise<XeniooAnswer> {
    return this.call(this.shape === 'array' ? [entry] : entry, options);
  }

  /** Describes an answer in one line, with the start of its body. */
  describe({ outcome, body, headers }: XeniooAnswer): string {
    const description = describeOutcome(outcome, this.options.timeoutMs);
    const isRedirect = Number(outcome) >= 300 && Number(outcome) < 400;
    const target = isRedirect ? headers.location : undefined;
    const text = excerptOf(target ?? body, this.options.secret);
    return text ? `${description}: ${text}` : description;
  }

  addFault(fault: Fault): void {
    this.faults.push(fault);
  }

  /**
   * Finds a fault with the same outcome that the check of the shape or a check in
   * `related` has reported; for 429, that any check has reported.
   */
  findFault(
    outcome: CallOutcome,
    related: readonly string[],
  ): Fault | undefined {
    return this.faults.find(
      fault =>
        fault.outcome === outcome &&
        (outcome === 429 || [this.shape, ...related].includes(fault.id)),
    );
  }

  /** Records the latency of an answered call. */
  addLatency({ status, latencyMs }: XeniooAnswer, title: string): void {
    if (status === undefined) return;
    if (latencyMs > (this.slowest?.latencyMs ?? 0)) {
      this.slowest = { latencyMs, title };
    }
  }

  close(): void {
    this.sender.close();
  }
}

const MAX_EXCERPT_CHARACTERS = 200;

/** Returns the start of a text from outside in one line, without the secret and control characters. */
export function excerptOf(text: string, secret: string): string {
  // A redirect may contain the secret in its URL.
  const masked = [secret, encodeURIComponent(secret)].reduce(maskSecret, text);
  const line = masked.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  if (line.length <= MAX_EXCERPT_CHARACTERS) return line;
  // The cut must not leave half of a surrogate pair.
  const start = line.slice(0, MAX_EXCERPT_CHARACTERS - 1);
  return `${start.replace(/[\uD800-\uDBFF]$/, '')}…`;
}
