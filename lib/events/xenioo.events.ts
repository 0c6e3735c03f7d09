import { Branded } from '../brand.js';
import { IsString, ValidateIf } from 'class-validator';
import { Exclude, Expose, Transform } from 'class-transformer';
import {
  eventId,
  documentedFields,
  type TypedWireEntry,
} from './wire-entry.js';
import { withoutReservedKeys } from './json-text.js';
import { expected, FromWire, WireDate, WireText } from './wire.decorators.js';
import type { XeniooChannel } from './xenioo-channel.js';
import type { XeniooEventType } from './xenioo-event-type.js';

/** The fields of an event that are not copied from its entry. */
export interface AddedFields {
  /** `undefined` if the id is the hash of the entry, which is computed on first use. */
  readonly id: string | undefined;
  readonly typeName: string;
  readonly date: Date | undefined;
  readonly bot: string;
  readonly receivedAt: Date;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly raw: Readonly<Record<string, unknown>>;
}

/**
 * Base class of all events. Events are frozen, because handlers share them. `Date`
 * objects can't be frozen: treat `date` and `receivedAt` as read-only.
 *
 * Every field of an entry except `Type` may be absent.
 */
@Branded('XeniooEvent')
export abstract class XeniooEvent {
  /** Cached id; a private field stays writable when the event is frozen. */
  #id: string | undefined;

  declare readonly type: XeniooEventType;

  /** Name of the type, such as `'user-message'`. */
  declare readonly typeName: string;

  /** API Token of the bot: an identifier, not a credential. */
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

  /** Name of the channel, such as `'TelegramChannel'`. */
  @WireText('Channel')
  readonly channel?: XeniooChannel;

  /** Date of the event, in milliseconds. */
  @WireDate('Date')
  readonly date?: Date;

  /** Your name for the bot, from the option `bots` or `name`. */
  declare readonly bot: string;

  /** Time at which this process received the call. */
  declare readonly receivedAt: Date;

  /** Variables of the bot that the webhook is configured to include, and every other undocumented field. */
  @Transform(({ value }) => withoutReservedKeys(value), { toPlainOnly: true })
  declare readonly variables: Readonly<Record<string, unknown>>;

  /** The entry as received, frozen. Its `Date` has all seven fraction digits. */
  @Exclude({ toPlainOnly: true })
  declare readonly raw: Readonly<Record<string, unknown>>;

  /** @internal class-transformer calls the constructor without arguments. */
  constructor(entry?: TypedWireEntry, added?: AddedFields) {
    if (!entry || !added) return;
    this.#id = added.id;
    this.type = entry.Type;
    this.typeName = added.typeName;
    const { BotToken, AccountName, ConversationId, UserName, Channel } = entry;
    if (typeof BotToken === 'string') this.botToken = BotToken;
    if (typeof AccountName === 'string') this.accountName = AccountName;
    if (typeof ConversationId === 'string')
      this.conversationId = ConversationId;
    if (typeof UserName === 'string') this.userName = UserName;
    if (typeof Channel === 'string') this.channel = Channel;
    if (added.date) this.date = added.date;
    this.bot = added.bot;
    this.receivedAt = added.receivedAt;
    this.variables = added.variables;
    this.raw = added.raw;
  }

  /**
   * Id of the event. With a `date`, it is a hash of the documented fields: the same
   * in every process and each time Xenioo sends the entry. Without a `date`, it is
   * random and assigned when the entry was received.
   */
  @Expose({ toPlainOnly: true })
  get id(): string {
    return (this.#id ??= eventId(documentedFields(this.raw as TypedWireEntry)));
  }

  /** Returns all fields with `id` and without `raw`, for `JSON.stringify()`. */
  toJSON(): Record<string, unknown> {
    const { raw: _, ...fields } = this;
    return { id: this.id, ...fields };
  }

  /** @internal */
  [Symbol.for('nodejs.util.inspect.custom')](): Record<string, unknown> {
    return this.toJSON();
  }
}

/** A message of the user, the bot or an operator. */
@Branded('XeniooMessageEvent')
export abstract class XeniooMessageEvent extends XeniooEvent {
  /** Text of the message; for a clicked button, its text and its payload. */
  @WireText('Data')
  readonly text?: string;

  /** Type of the message item, such as `'Text'`. */
  @WireText('ItemType')
  readonly itemType?: string;

  @WireText('ItemSubType')
  readonly itemSubType?: string;

  /** @internal */
  constructor(entry?: TypedWireEntry, added?: AddedFields) {
    super(entry, added);
    if (!entry) return;
    const { Data, ItemType, ItemSubType } = entry;
    if (typeof Data === 'string') this.text = Data;
    if (typeof ItemType === 'string') this.itemType = ItemType;
    if (typeof ItemSubType === 'string') this.itemSubType = ItemSubType;
  }
}

/** The bot or an operator wrote a message. */
@Branded('BotMessageEvent')
export class BotMessageEvent extends XeniooMessageEvent {
  declare readonly type: XeniooEventType.BotMessage;
  declare readonly typeName: 'bot-message';
}

/** The user wrote a message or clicked a button. */
@Branded('UserMessageEvent')
export class UserMessageEvent extends XeniooMessageEvent {
  declare readonly type: XeniooEventType.UserMessage;
  declare readonly typeName: 'user-message';
}

/** Automatic Intent Redirection did not detect a message of the user. */
@Branded('UnmatchedMessageEvent')
export class UnmatchedMessageEvent extends XeniooEvent {
  declare readonly type: XeniooEventType.UnmatchedMessage;
  declare readonly typeName: 'unmatched-message';

  /** Text of the message. */
  @WireText('Text', { required: true })
  readonly text!: string;

  /** @internal */
  constructor(entry?: TypedWireEntry, added?: AddedFields) {
    super(entry, added);
    if (typeof entry?.Text === 'string') this.text = entry.Text;
  }
}

/** An error occurred in the conversation. */
@Branded('ConversationErrorEvent')
export class ConversationErrorEvent extends XeniooEvent {
  declare readonly type: XeniooEventType.ConversationError;
  declare readonly typeName: 'conversation-error';
}

/** A user contacted the bot for the first time, or again after Xenioo has forgotten them. */
@Branded('UserConnectedEvent')
export class UserConnectedEvent extends XeniooEvent {
  declare readonly type: XeniooEventType.UserConnected;
  declare readonly typeName: 'user-connected';
}

/** A user came back. Sent at most once in 24 hours. */
@Branded('UserReturnedEvent')
export class UserReturnedEvent extends XeniooEvent {
  declare readonly type: XeniooEventType.UserReturned;
  declare readonly typeName: 'user-returned';
}

/** An operator took the conversation over. */
@Branded('TakeOverEvent')
export class TakeOverEvent extends XeniooEvent {
  declare readonly type: XeniooEventType.TakeOver;
  declare readonly typeName: 'take-over';
}

/** An operator handed the conversation back to the bot. */
@Branded('HandOverEvent')
export class HandOverEvent extends XeniooEvent {
  declare readonly type: XeniooEventType.HandOver;
  declare readonly typeName: 'hand-over';
}

/** The conversation hit a fallback interaction. */
@Branded('FallbackEvent')
export class FallbackEvent extends XeniooEvent {
  declare readonly type: XeniooEventType.Fallback;
  declare readonly typeName: 'fallback';
}

/** The user's reply to a question was not valid. */
@Branded('WrongReplyEvent')
export class WrongReplyEvent extends XeniooEvent {
  declare readonly type: XeniooEventType.WrongReply;
  declare readonly typeName: 'wrong-reply';
}

/** An intent or entity of the bot was updated or deleted. `name`, `key` or both are present. */
@Branded('XeniooKnowledgeEvent')
export abstract class XeniooKnowledgeEvent extends XeniooEvent {
  /** Name of the intent or entity. */
  @FromWire('Name')
  @ValidateIf(
    ({ name, key }: XeniooKnowledgeEvent) =>
      name !== undefined || key === undefined,
  )
  @IsString({
    message: args =>
      args.value === undefined
        ? 'Name or Key is required'
        : expected('Name', 'a string')(args),
    context: { field: 'Name' },
  })
  readonly name?: string;

  /** Key of the intent or entity. */
  @WireText('Key')
  readonly key?: string;

  /** @internal */
  constructor(entry?: TypedWireEntry, added?: AddedFields) {
    super(entry, added);
    if (!entry) return;
    const { Name, Key } = entry;
    if (typeof Name === 'string') this.name = Name;
    if (typeof Key === 'string') this.key = Key;
  }
}

@Branded('IntentUpdatedEvent')
export class IntentUpdatedEvent extends XeniooKnowledgeEvent {
  declare readonly type: XeniooEventType.IntentUpdated;
  declare readonly typeName: 'intent-updated';
}

@Branded('IntentDeletedEvent')
export class IntentDeletedEvent extends XeniooKnowledgeEvent {
  declare readonly type: XeniooEventType.IntentDeleted;
  declare readonly typeName: 'intent-deleted';
}

@Branded('EntityUpdatedEvent')
export class EntityUpdatedEvent extends XeniooKnowledgeEvent {
  declare readonly type: XeniooEventType.EntityUpdated;
  declare readonly typeName: 'entity-updated';
}

@Branded('EntityDeletedEvent')
export class EntityDeletedEvent extends XeniooKnowledgeEvent {
  declare readonly type: XeniooEventType.EntityDeleted;
  declare readonly typeName: 'entity-deleted';
}

/** An event of a type that this version of the package does not know. All its fields are in `raw`. */
@Branded('UnknownXeniooEvent')
export class UnknownXeniooEvent extends XeniooEvent {
  /** `Type` of the entry, which `XeniooEventType` does not list. */
  declare readonly type: number;
  declare readonly typeName: 'unknown';
}
