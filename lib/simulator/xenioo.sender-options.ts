import type { XeniooFailureCounting } from './failure-count.js';
import type { CallPlan } from './plan-calls.js';
import type { XeniooAnswer } from './post.js';
import type { XeniooReport } from './xenioo-report.js';

/** Options of a sender. */
export interface XeniooSenderOptions {
  /** Events Webhook URL, with `http` or `https`. */
  readonly url: string | URL;
  /** API Secret of the bot, sent as `Authorization: Bearer <secret>`. */
  readonly secret: string;
  /**
   * Time-out in milliseconds for an answer; that of Xenioo is not documented.
   * @default 10_000
   */
  readonly timeoutMs?: number;
  /**
   * Failed calls that count towards the limit of 10, after which the sender stops.
   * @default 'total', the stricter of the two
   */
  readonly failures?: XeniooFailureCounting;
  /** Additional headers of each call, for a proxy or a guard of the app. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Requires a certificate that Node.js trusts.
   * @default true; false for an application under test
   */
  readonly rejectUnauthorized?: boolean;
  /**
   * Seed for shuffling and repeating calls: senders with the same seed do both in the same way.
   * @default a random seed
   */
  readonly seed?: number;
}

/** Options of one call, to test what Xenioo itself does not send. */
export interface XeniooCallOptions {
  /** Value of the `Authorization` header; `null` sends none. */
  readonly authorization?: string | null;
  /** Additional headers; `null` removes a header of the sender. */
  readonly headers?: Readonly<Record<string, string | null>>;
  /**
   * Sends the body in chunks, without `Content-Length`.
   * @default false
   */
  readonly chunked?: boolean;
  /** Replaces the time-out of the sender, in milliseconds. */
  readonly timeoutMs?: number;
  /** Aborts the call, which rejects with the reason. */
  readonly signal?: AbortSignal;
}

/** Options of sending many entries. */
export interface XeniooSendOptions extends CallPlan {
  /**
   * Time between the starts of two calls, in milliseconds; a call that is late starts at
   * once.
   * @default 0
   */
  readonly intervalMs?: number;
  /**
   * Upper bound of calls that wait for an answer at once.
   * @default 1
   */
  readonly concurrency?: number;
  /** Stops sending; pending calls are completed. */
  readonly signal?: AbortSignal;
  /** Called with each answer, a function that reports the calls so far, and the body of the call. */
  readonly onCall?: (
    answer: XeniooAnswer,
    soFar: () => XeniooReport,
    body: unknown,
  ) => void;
}
