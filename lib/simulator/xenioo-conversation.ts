import { XeniooEventType } from '../events/xenioo-event-type.js';
import { assertCount } from './assert-count.js';
import {
  ANSWERS,
  CHANNELS,
  GOODBYE,
  GREETING,
  MISUNDERSTOOD,
  UNMATCHED_TEXTS,
  OPERATOR_GREETING,
  QUESTIONS,
  USER_NAMES,
} from './sample-texts.js';
import { randomSeed, SEEDED_START, SeededRandom } from './seeded-random.js';
import { WireClock } from './wire-clock.js';
import type { XeniooEntryOptions } from './xenioo-entry.js';
import {
  withFields,
  type XeniooWireEntry,
  type XeniooWireFields,
} from './xenioo-wire-entry.js';

/** Options of a conversation. */
export interface XeniooConversationOptions extends XeniooEntryOptions {
  /**
   * Number of messages of the user, each with an answer of the bot, before the fallback.
   * @default 3
   */
  readonly turns?: number;
  /**
   * Includes a message that the bot does not understand, and the fallback.
   * @default true
   */
  readonly fallback?: boolean;
  /**
   * Includes an operator who takes the conversation over and hands it back.
   * @default true
   */
  readonly takeOver?: boolean;
  /** Fields of every entry: variables, or another `Channel`. */
  readonly fields?: XeniooWireFields;
}

/**
 * Creates the entries of a conversation: the user connects, the bot greets, both
 * write, the bot does not understand, an operator takes over and hands back. The
 * entries are ordered by date; some dates differ only after the millisecond.
 * @throws {XeniooTestingError} when `turns` is out of range
 *
 * @example
 * ```ts
 * await deliver(app, xeniooConversation({ turns: 5, fields: { city: 'Rome' } }));
 * ```
 */
export function xeniooConversation(
  options: XeniooConversationOptions = {},
): XeniooWireEntry[] {
  const { seed, startAt, turns = 3 } = options;
  assertCount('xeniooConversation()', { turns }, 0);
  const random = new SeededRandom(seed ?? randomSeed());
  const start = startAt ?? (seed === undefined ? undefined : SEEDED_START);
  return [
    ...generateConversation(random, new WireClock(random, start), options),
  ];
}

/** Creates the entries of a conversation lazily. */
export function* generateConversation(
  random: SeededRandom,
  clock: WireClock,
  {
    turns = 3,
    fallback = true,
    takeOver = true,
    fields,
  }: XeniooConversationOptions,
): Generator<XeniooWireEntry> {
  const conversationFields = {
    AccountName: 'Matelab Srl',
    ConversationId: random.uuid(),
    UserName: random.pick(USER_NAMES),
    Channel: random.pick(CHANNELS),
  };
  const conversationEvent = (Type: XeniooEventType, Date = clock.later()) =>
    withFields({ Type, Date, ...conversationFields }, fields);
  const botWrites = (Data: string, Date = clock.soon()) =>
    withFields(
      {
        Type: XeniooEventType.BotMessage,
        ItemType: 'Text',
        Data,
        Date,
        ...conversationFields,
      },
      fields,
    );
  const userWrites = (Data: string) =>
    withFields(
      {
        Type: XeniooEventType.UserMessage,
        Data,
        Date: clock.later(),
        ...conversationFields,
      },
      fields,
    );

  const { UserConnected, UserReturned } = XeniooEventType;
  yield conversationEvent(random.chance(0.5) ? UserConnected : UserReturned);
  yield botWrites(GREETING);
  for (let turn = 0; turn < turns; turn++) {
    yield userWrites(random.pick(QUESTIONS));
    yield botWrites(random.pick(ANSWERS));
  }
  if (fallback) {
    const Text = random.pick(UNMATCHED_TEXTS);
    yield userWrites(Text);
    const { AccountName } = conversationFields;
    const Type = XeniooEventType.UnmatchedMessage;
    yield withFields({ Type, AccountName, Text }, fields);
    yield conversationEvent(XeniooEventType.Fallback, clock.soon());
    yield botWrites(MISUNDERSTOOD);
  }
  if (takeOver) {
    yield conversationEvent(XeniooEventType.TakeOver);
    yield botWrites(OPERATOR_GREETING, clock.later());
    yield userWrites(random.pick(QUESTIONS));
    yield botWrites(random.pick(ANSWERS), clock.later());
    yield conversationEvent(XeniooEventType.HandOver);
  }
  yield botWrites(GOODBYE);
}
