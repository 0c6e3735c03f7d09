import type { XeniooEntry } from './parse-entry.js';

/** Strings that observers store with every task of a call, such as a `traceparent`. */
export type XeniooCarrier = Readonly<Record<string, string>>;

/** One authenticated webhook call and its entries. */
export interface XeniooDelivery {
  /** Your name for the bot whose secret was sent. */
  readonly bot: string;
  /** When this process received the call. */
  readonly receivedAt: Date;
  /** As many entries as the body holds, in their order; none for an empty array. */
  readonly entries: readonly XeniooEntry[];
  /** Stored with each task of the call; absent where no observer provides one. */
  readonly carrier?: XeniooCarrier | undefined;
}
