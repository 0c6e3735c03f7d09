import type { XeniooFailureReading } from './failure-count.js';
import type { CallPlan } from './plan-calls.js';
import type { XeniooAnswer } from './post.js';
import type { XeniooReport } from './xenioo-report.js';

/** Where the service calls, and how it judges. */
export interface XeniooSenderOptions {
  /** The Events Webhook URL, of `http` or `https`. */
  readonly url: string | URL;
  /** API Secret of the bot, sent as `Authorization: Bearer <secret>`. */
  readonly secret: string;
  /**
   * Longest wait for an answer, in milliseconds; Xenioo's own is not documented.
   * @default 10_000
   */
  readonly timeoutMs?: number;
  /**
   * Which failed calls count towards the more than 10 that make it stop.
   * @default 'total', the stricter reading
   */
  readonly failures?: XeniooFailureReading;
  /** Sent with each call: what a proxy or a guard of the app asks for. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Whether a certificate must be one that Node trusts, as Xenioo surely asks for.
   * @default true; for an application under test, false
   */
  readonly rejectUnauthorized?: boolean;
  /**
   * Makes what is shuffled and repeated the same each time.
   * @default another one each time
   */
  readonly seed?: number;
}

/** How one call differs from what Xenioo does. */
export interface XeniooCallOptions {
  /** The whole header; `null` sends none. */
  readonly authorization?: string | null;
  /** Besides those of each call; `null` takes one of these away. */
  readonly headers?: Readonly<Record<string, string | null>>;
  /**
   * Whether the body goes in pieces and without a length, as some clients send JSON.
   * @default false
   */
  readonly chunked?: boolean;
  /** In place of the sender's, in milliseconds. */
  readonly timeoutMs?: number;
  /** Ends the call: it rejects with the reason. */
  readonly signal?: AbortSignal;
}

/** How entries are sent. */
export interface XeniooSendOptions extends CallPlan {
  /**
   * From the begin of a call to the begin of the next one, in milliseconds;
   * calls that are late follow at once.
   * @default 0
   */
  readonly intervalMs?: number;
  /**
   * Most calls that wait for an answer at once.
   * @default 1
   */
  readonly concurrency?: number;
  /** Ends the sending when the calls under way are answered. */
  readonly signal?: AbortSignal;
  /** Called with each answer, what tells how it stands so far, and what the call held. */
  readonly onCall?: (
    answer: XeniooAnswer,
    soFar: () => XeniooReport,
    body: unknown,
  ) => void;
}
