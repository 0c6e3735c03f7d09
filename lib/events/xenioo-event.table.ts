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

interface Row<E extends XeniooEvent> {
  readonly eventClass: new (entry?: TypedWireEntry, added?: AddedFields) => E;
  readonly typeName: E['typeName'];
  /** Name under which the host's event emitter hears of it. */
  readonly eventName: `xenioo.${E['typeName']}`;
  /** Fields that its class has beside those of every event. */
  readonly fields: readonly WireField[];
  /** An entry without any of `fields` is invalid. */
  readonly needsField: boolean;
}

function row<E extends XeniooEvent>(
  eventClass: Row<E>['eventClass'],
  typeName: E['typeName'],
  fields: readonly WireField[] = [],
  needsField = false,
): Row<E> {
  const eventName = `xenioo.${typeName}` as const;
  return { eventClass, typeName, eventName, fields, needsField };
}

function message<E extends XeniooMessageEvent>(
  eventClass: Row<E>['eventClass'],
  typeName: E['typeName'],
): Row<E> {
  return row(eventClass, typeName, ['Data', 'ItemType', 'ItemSubType']);
}

function knowledge<E extends XeniooKnowledgeEvent>(
  eventClass: Row<E>['eventClass'],
  typeName: E['typeName'],
): Row<E> {
  return row(eventClass, typeName, ['Name', 'Key'], true);
}

/** The class, names and required fields of each type on the wire. */
export const XENIOO_EVENT_TABLE = {
  [XeniooEventType.BotMessage]: message(BotMessageEvent, 'bot-message'),
  [XeniooEventType.UserMessage]: message(UserMessageEvent, 'user-message'),
  [XeniooEventType.ConversationError]: row(
    ConversationErrorEvent,
    'conversation-error',
  ),
  [XeniooEventType.IntentUpdated]: knowledge(
    IntentUpdatedEvent,
    'intent-updated',
  ),
  [XeniooEventType.IntentDeleted]: knowledge(
    IntentDeletedEvent,
    'intent-deleted',
  ),
  [XeniooEventType.EntityUpdated]: knowledge(
    EntityUpdatedEvent,
    'entity-updated',
  ),
  [XeniooEventType.EntityDeleted]: knowledge(
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
  [T in XeniooEventType]: Row<XeniooEvent & { readonly type: T }>;
};

/** The row of every type that is not in the table. */
const UNKNOWN_EVENT = row(UnknownXeniooEvent, 'unknown');

/** Returns the row of a type, known or not. */
export function eventRow(type: number): Row<XeniooEvent> {
  const rows: Record<number, Row<XeniooEvent> | undefined> = XENIOO_EVENT_TABLE;
  return rows[type] ?? UNKNOWN_EVENT;
}

/** The event class of a type; of several types, the union of their classes. */
export type XeniooEventOf<T extends XeniooEventType> = InstanceType<
  (typeof XENIOO_EVENT_TABLE)[T]['eventClass']
>;

type TypeNames = {
  readonly [
    Name in keyof typeof XeniooEventType
  ]: (typeof XENIOO_EVENT_TABLE)[(typeof XeniooEventType)[Name]]['eventName'];
};

/**
 * Names under which the host's event emitter hears of events, once their handlers
 * have run, and of the module itself.
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
  /** An event of a type that this version does not know. */
  Unknown: UNKNOWN_EVENT.eventName,
  /** An `InvalidXeniooEntry`: an entry that is not valid. */
  Invalid: 'xenioo.invalid',
  /** A `XeniooHandlerFailure`: a handler gave up after its last attempt. */
  Failed: 'xenioo.failed',
  /** A `XeniooStrike`: an authenticated call was answered other than 200. */
  Strike: 'xenioo.strike',
  /** A `XeniooSilence`: calls have stopped for `expectCallsWithinMinutes`, or resumed. */
  Silence: 'xenioo.silence',
} as const);

/** Tells an invalid entry from an event, whichever copy of the package made it. */
export function isInvalidEntry(
  entry: XeniooEvent | InvalidXeniooEntry,
): entry is InvalidXeniooEntry {
  return 'reason' in entry;
}

/** Returns the name under which the host's event emitter hears of an entry. */
export function eventNameOf(entry: XeniooEvent | InvalidXeniooEntry): string {
  return isInvalidEntry(entry)
    ? XENIOO_EVENT_NAMES.Invalid
    : eventRow(entry.type).eventName;
}
