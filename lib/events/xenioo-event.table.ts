import type { Type } from '@nestjs/common';
import {
  ConversationErrorEvent,
  FallbackEvent,
  HandOverEvent,
  TakeOverEvent,
  UserConnectedEvent,
  UserReturnedEvent,
  WrongReplyEvent,
} from './conversation.events.js';
import {
  EntityDeletedEvent,
  EntityUpdatedEvent,
  IntentDeletedEvent,
  IntentUpdatedEvent,
} from './knowledge.events.js';
import {
  BotMessageEvent,
  UnmatchedMessageEvent,
  UserMessageEvent,
} from './message.events.js';
import { UnknownXeniooEvent } from './unknown.event.js';
import { XeniooEventType } from './xenioo-event-type.js';
import type { XeniooEvent } from './xenioo.event.js';

/** Type on the wire → class → name: the one place that says what belongs together. */
export const XENIOO_EVENT_TABLE = {
  [XeniooEventType.BotMessage]: {
    eventClass: BotMessageEvent,
    typeName: 'bot-message',
  },
  [XeniooEventType.UserMessage]: {
    eventClass: UserMessageEvent,
    typeName: 'user-message',
  },
  [XeniooEventType.ConversationError]: {
    eventClass: ConversationErrorEvent,
    typeName: 'conversation-error',
  },
  [XeniooEventType.IntentUpdated]: {
    eventClass: IntentUpdatedEvent,
    typeName: 'intent-updated',
  },
  [XeniooEventType.IntentDeleted]: {
    eventClass: IntentDeletedEvent,
    typeName: 'intent-deleted',
  },
  [XeniooEventType.EntityUpdated]: {
    eventClass: EntityUpdatedEvent,
    typeName: 'entity-updated',
  },
  [XeniooEventType.EntityDeleted]: {
    eventClass: EntityDeletedEvent,
    typeName: 'entity-deleted',
  },
  [XeniooEventType.UnmatchedMessage]: {
    eventClass: UnmatchedMessageEvent,
    typeName: 'unmatched-message',
  },
  [XeniooEventType.UserConnected]: {
    eventClass: UserConnectedEvent,
    typeName: 'user-connected',
  },
  [XeniooEventType.UserReturned]: {
    eventClass: UserReturnedEvent,
    typeName: 'user-returned',
  },
  [XeniooEventType.TakeOver]: {
    eventClass: TakeOverEvent,
    typeName: 'take-over',
  },
  [XeniooEventType.HandOver]: {
    eventClass: HandOverEvent,
    typeName: 'hand-over',
  },
  [XeniooEventType.Fallback]: {
    eventClass: FallbackEvent,
    typeName: 'fallback',
  },
  [XeniooEventType.WrongReply]: {
    eventClass: WrongReplyEvent,
    typeName: 'wrong-reply',
  },
} as const satisfies {
  [T in XeniooEventType]: Row<XeniooEvent & { readonly type: T }>;
};

/** The row of every type that is not in the table. */
const UNKNOWN_EVENT = {
  eventClass: UnknownXeniooEvent,
  typeName: 'unknown',
} as const satisfies Row<UnknownXeniooEvent>;

interface Row<E extends XeniooEvent> {
  readonly eventClass: Type<E>;
  readonly typeName: E['typeName'];
}

/** The row of a type, known or not. */
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
  ]: `xenioo.${XeniooEventOf<(typeof XeniooEventType)[Name]>['typeName']}`;
};

/**
 * What the host's event emitter hears once the handlers of an event have run.
 *
 * @example
 * ```ts
 * @OnEvent(XENIOO_EVENT_NAMES.UserMessage)
 * log(event: UserMessageEvent) {}
 * ```
 */
export const XENIOO_EVENT_NAMES = Object.freeze({
  ...(Object.fromEntries(
    Object.entries(XENIOO_EVENT_TABLE).map(([type, { typeName }]) => [
      XeniooEventType[Number(type)],
      `xenioo.${typeName}`,
    ]),
  ) as TypeNames),
  /** An event of a type that this version does not know. */
  Unknown: `xenioo.${UNKNOWN_EVENT.typeName}`,
  /** An `InvalidXeniooEntry`: what could not be understood. */
  Invalid: 'xenioo.invalid',
  /** A `XeniooHandlerFailure`: a handler gave up after its last attempt. */
  Failed: 'xenioo.failed',
  /** A `XeniooStrike`: a right secret was answered otherwise than 200. */
  Strike: 'xenioo.strike',
} as const);
