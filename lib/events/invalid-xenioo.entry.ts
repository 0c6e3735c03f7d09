import { Branded } from '../brand.js';
import { Transform } from 'class-transformer';
import { withoutReservedKeys } from './json-text.js';

/**
 * - `not-json`: the body is empty, not JSON, or can't be decoded.
 * - `not-an-event`: a JSON value other than an object.
 * - `invalid-fields`: a field of the wrong type, or none where the event means nothing without it.
 * - `foreign-bot`: the token of another bot than the one whose secret was sent.
 * - `too-many-entries`: a body with more than 20,000 entries.
 */
export type InvalidXeniooReason =
  | 'not-json'
  | 'not-an-event'
  | 'invalid-fields'
  | 'foreign-bot'
  | 'too-many-entries';

/** An entry that came with the right secret and is not valid. It is kept, never dropped. */
@Branded('InvalidXeniooEntry')
export class InvalidXeniooEntry {
  /** Made when the entry was received. */
  readonly id: string;

  readonly reason: InvalidXeniooReason;

  /** The mistakes, each with the entry's index and the name of the field on the wire; never a value. */
  readonly errors: readonly string[];

  /**
   * The entry as it came. The text of the entry where it is nested too deeply, of
   * the body where that is not JSON or has too many entries; the bytes of the body
   * in base64 where it can't be decoded.
   */
  @Transform(({ value }) => withoutReservedKeys(value), { toPlainOnly: true })
  readonly raw: unknown;

  /** Your name for the bot whose secret was sent. */
  readonly bot: string;

  /** Time at which this process received the call. */
  readonly receivedAt: Date;

  constructor(
    id: string,
    reason: InvalidXeniooReason,
    errors: readonly string[],
    raw: unknown,
    bot: string,
    receivedAt: Date,
  ) {
    this.id = id;
    this.reason = reason;
    this.errors = Object.freeze(errors);
    this.raw = raw;
    this.bot = bot;
    this.receivedAt = receivedAt;
    Object.freeze(this);
  }
}
