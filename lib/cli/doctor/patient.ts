import type { XeniooAnswer } from '../../simulator/post.js';
import type { XeniooCallOptions } from '../../simulator/xenioo.sender-options.js';
import type { XeniooSender } from '../../simulator/xenioo.sender.js';
import type { DoctorCheck } from './doctor.check.js';
import { DoctorEntries } from './doctor.entries.js';

/** What one call has that Xenioo's own has not. */
export type DoctorCall = Pick<
  XeniooCallOptions,
  'authorization' | 'headers' | 'chunked'
>;

export interface PatientOptions {
  readonly url: URL;
  readonly secret: string;
  readonly timeoutMs: number;
  readonly botToken?: string | undefined;
  readonly signal: AbortSignal;
}

/** A mistake that was found, by the check that shows it. */
export interface Fault extends Pick<DoctorCheck, 'id' | 'title'> {
  readonly outcome: number | string;
}

/** The endpoint that is examined: how to call it, and what is known of it so far. */
export class Patient {
  readonly entries: DoctorEntries;
  /** The shape in which it takes an event, which is also the check that found it out. */
  takes: 'object' | 'array' = 'object';
  /** The answer to the first call. */
  first: XeniooAnswer | undefined;
  /** The answer that took longest, of those that Xenioo waits for. */
  slowest: { readonly latencyMs: number; readonly title: string } | undefined;
  calls = 0;
  private readonly faults: Fault[] = [];

  constructor(
    readonly options: PatientOptions,
    private readonly sender: XeniooSender,
  ) {
    this.entries = new DoctorEntries(options.botToken);
  }

  /** Makes one call, with the right secret unless the call says otherwise. */
  call(body: unknown, call: DoctorCall = {}): Promise<XeniooAnswer> {
    this.calls += 1;
    const { signal } = this.options;
    return this.sender.call(body, { ...call, signal });
  }

  /** Sends one entry in the shape that the endpoint takes. */
  send(entry: unknown, call?: DoctorCall): Promise<XeniooAnswer> {
    return this.call(this.takes === 'array' ? [entry] : entry, call);
  }

  /** Remembers a fault, for the checks that would find it again. */
  remember(fault: Fault): void {
    this.faults.push(fault);
  }

  /** The fault that shows in this outcome too: of the shape, of one of the checks `alike`, or any rate limit. */
  knownFault(
    outcome: number | string,
    alike: readonly string[],
  ): Fault | undefined {
    return this.faults.find(
      fault =>
        fault.outcome === outcome &&
        (outcome === 429 || [this.takes, ...alike].includes(fault.id)),
    );
  }

  /** Notes how long Xenioo would have waited. */
  time({ status, latencyMs }: XeniooAnswer, title: string): void {
    if (status === undefined) return;
    if (latencyMs > (this.slowest?.latencyMs ?? 0)) {
      this.slowest = { latencyMs, title };
    }
  }
}
