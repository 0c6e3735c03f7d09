import type { XeniooEntry } from './parse-entry.js';

/** Strings that observers store with each task of a call, such as a `traceparent`. */
export type XeniooCarrier = Readonly<Record<string, string>>;

/** One authenticated webhook call and its entries. */
export interface XeniooDelivery {
  /** Your name for the bot whose API Secret was sent. */
  readonly bot: string;
  /** Time at which this process received the call. */
  readonly receivedAt: Date;
  /** All entries of the body, in their order. */
  readonly entries: readonly XeniooEntry[];
  /** Strings that are stored with each task of the call; absent if no observer provides any. */
  readonly carrier?: XeniooCarrier | undefined;
}
