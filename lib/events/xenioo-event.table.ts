import {
  type AddedFields,
  BotMessageEvent,
  ConversationErrorEvent,
  EntityDeletedEvent,
  EntityUpdatedEvent,
  FallbackEvent,
  HandOverEvent,
  IntentDeletedEvent,
  IntentUpdatedEvent,
  TakeOverEvent,
  UnknownXeniooEvent,
  UnmatchedMessageEvent,
  UserConnectedEvent,
  UserMessageEvent,
  UserReturnedEvent,
  WrongReplyEvent,
  type XeniooEvent,
  type XeniooKnowledgeEvent,
  type XeniooMessageEvent,
} from './xenioo.events.js';
import type { InvalidXeniooEntry } from './invalid-xenioo.entry.js';
import type { TypedWireEntry, WireField } from './wire-entry.js';
import { XeniooEventType } from './xenioo-event-type.js';

/** Class, names and fields of a type. */
export interface EventRow<E extends XeniooEvent> {
  readonly eventClass: new (entry?: TypedWireEntry, added?: AddedFields) => E;
  readonly typeName: E['typeName'];
  /** Name under which the event is emitted on the host's event emitter. */
  readonly eventName: `xenioo.${E['typeName']}`;
  /** Fields that the class has in addition to those of every event. */
  readonly fields: readonly WireField[];
  /** True if an entry must have at least one of `fields`. */
  readonly needsField: boolean;
}

function row<E extends XeniooEvent>(
  eventClass: EventRow<E>['eventClass'],
  typeName: E['typeName'],
  fields: readonly WireField[] = [],
  needsField = false,
): EventRow<E> {
  const eventName = `xenioo.${typeName}` as const;
  return { eventClass, typeName, eventName, fields, needsField };
}

function messageRow<E extends XeniooMessageEvent>(
  eventClass: EventRow<E>['eventClass'],
  typeName: E['typeName'],
): EventRow<E> {
  return row(eventClass, typeName, ['Data', 'ItemType', 'ItemSubType']);
}

function knowledgeRow<E extends XeniooKnowledgeEvent>(
  eventClass: EventRow<E>['eventClass'],
  typeName: E['typeName'],
): EventRow<E> {
  return row(eventClass, typeName, ['Name', 'Key'], true);
}

/** Class, names and fields of each type. */
export const XENIOO_EVENT_TABLE = {
  [XeniooEventType.BotMessage]: messageRow(BotMessageEvent, 'bot-message'),
  [XeniooEventType.UserMessage]: messageRow(UserMessageEvent, 'user-message'),
  [XeniooEventType.ConversationError]: row(
    ConversationErrorEvent,
    'conversation-error',
  ),
  [XeniooEventType.IntentUpdated]: knowledgeRow(
    IntentUpdatedEvent,
    'intent-updated',
  ),
  [XeniooEventType.IntentDeleted]: knowledgeRow(
    IntentDeletedEvent,
    'intent-deleted',
  ),
  [XeniooEventType.EntityUpdated]: knowledgeRow(
    EntityUpdatedEvent,
    'entity-updated',
  ),
  [XeniooEventType.EntityDeleted]: knowledgeRow(
    EntityDeletedEvent,
    'entity-deleted',
  ),
  [XeniooEventType.UnmatchedMessage]: row(
    UnmatchedMessageEvent,
    'unmatched-message',
    ['Text'],
    true,
  ),
  [XeniooEventType.UserConnected]: row(UserConnectedEvent, 'user-connected'),
  [XeniooEventType.UserReturned]: row(UserReturnedEvent, 'user-returned'),
  [XeniooEventType.TakeOver]: row(TakeOverEvent, 'take-over'),
  [XeniooEventType.HandOver]: row(HandOverEvent, 'hand-over'),
  [XeniooEventType.Fallback]: row(FallbackEvent, 'fallback'),
  [XeniooEventType.WrongReply]: row(WrongReplyEvent, 'wrong-reply'),
} as const satisfies {
  [T in XeniooEventType]: EventRow<XeniooEvent & { readonly type: T }>;
};

/** Row of every type that is not in the table. */
export const UNKNOWN_EVENT = row(UnknownXeniooEvent, 'unknown');

/** Returns the row of a type, known or not. */
export function eventRow(type: number): EventRow<XeniooEvent> {
  const rows: Record<number, EventRow<XeniooEvent> | undefined> =
    XENIOO_EVENT_TABLE;
  return rows[type] ?? UNKNOWN_EVENT;
}

/** Event class of a type, or the union of the classes of several types. */
export type XeniooEventOf<T extends XeniooEventType> = InstanceType<
  (typeof XENIOO_EVENT_TABLE)[T]['eventClass']
>;

type TypeNames = {
  readonly [
    Name in keyof typeof XeniooEventType
  ]: (typeof XENIOO_EVENT_TABLE)[(typeof XeniooEventType)[Name]]['eventName'];
};

/**
 * Names of the events that the module emits on the host's event emitter. The event
 * of a webhook entry is emitted after the first attempt of each of its handlers.
 *
 * @example
 * ```ts
 * @OnEvent(XENIOO_EVENT_NAMES.UserMessage)
 * log(event: UserMessageEvent) {}
 * ```
 */
export const XENIOO_EVENT_NAMES = Object.freeze({
  ...(Object.fromEntries(
    Object.entries(XENIOO_EVENT_TABLE).map(([type, { eventName }]) => [
      XeniooEventType[Number(type)],
      eventName,
    ]),
  ) as TypeNames),
  /** An event of an unknown type; the listener gets an `UnknownXeniooEvent`. */
  Unknown: UNKNOWN_EVENT.eventName,
  /** An entry was invalid; the listener gets an `InvalidXeniooEntry`. */
  Invalid: 'xenioo.invalid',
  /** A handler failed for good; the listener gets a `XeniooHandlerFailure`. */
  Failed: 'xenioo.failed',
  /** An authenticated call was answered other than 200; the listener gets a `XeniooStrike`. */
  Strike: 'xenioo.strike',
  /** Calls have stopped for `expectCallsWithinMinutes`, or resumed; the listener gets a `XeniooSilence`. */
  Silence: 'xenioo.silence',
} as const);

/** Returns true if an entry is invalid. Works for entries of another copy of the package, without the cost of comparing brands. */
export function isInvalidEntry(
  entry: XeniooEvent | InvalidXeniooEntry,
): entry is InvalidXeniooEntry {
  return 'reason' in entry;
}

/** Returns the name under which an entry is emitted on the host's event emitter. */
export function eventNameOf(entry: XeniooEvent | InvalidXeniooEntry): string {
  return isInvalidEntry(entry)
    ? XENIOO_EVENT_NAMES.Invalid
    : eventRow(entry.type).eventName;
}
