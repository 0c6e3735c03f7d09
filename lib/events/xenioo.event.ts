import type { XeniooEventType } from './xenioo-event-type.js';
import { WireDate, WireText } from './wire-fields.js';

/**
 * What every event has. Handlers share one event, so it is frozen; treat `date`
 * and `receivedAt`, which JavaScript can't freeze, as read-only too.
 *
 * Fields that come from the wire may be absent: Xenioo promises none but `Type`.
 */
export abstract class XeniooEvent {
  /**
   * The same for the same entry in every process, however often Xenioo sends it,
   * where the entry has a `Date`; otherwise made when the entry was received.
   */
  declare readonly id: string;

  declare readonly type: XeniooEventType;

  /** The type in words, as `'user-message'`. */
  declare readonly typeName: string;

  /** Your name for the bot: of the `bots` option, or the `name` option. */
  declare readonly bot: string;

  /** When this process received the call. */
  declare readonly receivedAt: Date;

  /** The bot's variables that Xenioo was told to include, and any field that is not documented. */
  declare readonly variables: Readonly<Record<string, unknown>>;

  /** The entry as it came. Its `Date` has all seven fraction digits. */
  declare readonly raw: Readonly<Record<string, unknown>>;

  /** Token of the bot that generated the item; an identifier, not a credential. */
  @WireText('BotToken')
  readonly botToken?: string;

  /** Full name of the account. */
  @WireText('AccountName')
  readonly accountName?: string;

  @WireText('ConversationId')
  readonly conversationId?: string;

  /** Name of the user in the conversation. */
  @WireText('UserName')
  readonly userName?: string;

  /** Name of the channel, as `'TelegramChannel'`: an open set. */
  @WireText('Channel')
  readonly channel?: string;

  /** Date of the message, to the millisecond. */
  @WireDate('Date')
  readonly date?: Date;
}
