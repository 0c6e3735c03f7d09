import type { XeniooEntry } from '../events/parse-entry.js';
import type { XeniooCarrier } from '../events/xenioo-delivery.js';

/** Kind of a dead letter: a failed event, or an invalid entry. */
export type XeniooDeadLetterKind = 'event' | 'invalid';

/** One failed pair of event and handler, or one invalid entry. */
export interface XeniooDeadLetter {
  /** `<event id>.<handler>`; the id of the entry if `handler` is absent. */
  readonly id: string;
  readonly kind: XeniooDeadLetterKind;
  /** An event, or an `InvalidXeniooEntry` if `kind` is `'invalid'`. */
  readonly entry: XeniooEntry;
  /**
   * Name of the handler that failed, such as `'Crm.saveMessage'`. Absent for an
   * invalid entry, and for an event during whose runs the process crashed repeatedly:
   * replaying it runs all its handlers.
   */
  readonly handler?: string | undefined;
  /** Number of attempts that the handler had. */
  readonly attempts?: number | undefined;
  /** Error of the last attempt. */
  readonly error?:
    | { readonly message: string; readonly stack?: string | undefined }
    | undefined;
  /** Strings that observers stored with the call. */
  readonly carrier?: XeniooCarrier | undefined;
  readonly deadLetteredAt: Date;
}
