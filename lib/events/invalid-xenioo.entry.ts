import { Branded } from '../brand.js';
import { Transform } from 'class-transformer';
import { withoutReservedKeys } from './json-text.js';

/**
 * Reason why an entry is invalid:
 * - `not-json`: the body is empty, not JSON, or can't be decoded.
 * - `not-an-event`: a JSON value other than an object.
 * - `invalid-fields`: a field of the wrong type, or a required field that is missing.
 * - `foreign-bot`: the `BotToken` of another bot than the one whose API Secret was sent.
 * - `too-many-entries`: a body with more than 20,000 entries.
 */
export type InvalidXeniooReason =
  | 'not-json'
  | 'not-an-event'
  | 'invalid-fields'
  | 'foreign-bot'
  | 'too-many-entries';

/** An entry of an authenticated call that is not a valid event. It is kept as a dead letter. */
@Branded('InvalidXeniooEntry')
export class InvalidXeniooEntry {
  /** Random id, assigned when the entry was received. */
  readonly id: string;

  readonly reason: InvalidXeniooReason;

  /** Validation errors. Each has the index of the entry and the name of the field, never its value. */
  readonly errors: readonly string[];

  /**
   * The entry as received. It is a string in four cases: the JSON of an entry that
   * is nested too deeply, the text of a body that is not JSON or has too many
   * entries, and the base64 of a body that can't be decoded.
   */
  @Transform(({ value }) => withoutReservedKeys(value), { toPlainOnly: true })
  readonly raw: unknown;

  /** Your name for the bot whose API Secret was sent. */
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
