/**
 * - `not-json`: the body is empty or no JSON.
 * - `not-an-event`: a JSON value that is no object.
 * - `invalid-fields`: a field of the wrong type, or none where the event means nothing without it.
 * - `foreign-bot`: the token of another bot than the one whose secret was sent.
 */
export type InvalidXeniooReason =
  'not-json' | 'not-an-event' | 'invalid-fields' | 'foreign-bot';

/** What came with the right secret but could not be understood. Kept, never dropped. */
export class InvalidXeniooEntry {
  constructor(
    /** Made when the entry was received. */
    readonly id: string,
    readonly reason: InvalidXeniooReason,
    /** What is wrong, each with the entry's index and the name of the field on the wire; never a value. */
    readonly errors: readonly string[],
    /** The entry as it came; its text where it is not JSON or nested too deeply. */
    readonly raw: unknown,
    /** Your name for the bot whose secret was sent. */
    readonly bot: string,
    /** When this process received the call. */
    readonly receivedAt: Date,
  ) {
    Object.freeze(errors);
    Object.freeze(this);
  }
}
