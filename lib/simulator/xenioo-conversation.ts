import { XeniooEventType } from '../events/xenioo-event-type.js';
import { assertCount } from './assert-count.js';
import { Dice } from './dice.js';
import {
  ANSWERS,
  CHANNELS,
  GOODBYE,
  GREETING,
  MISUNDERSTOOD,
  MURMURS,
  OPERATOR_GREETING,
  QUESTIONS,
  USER_NAMES,
} from './phrases.js';
import { randomSeed, SEEDED_START } from './seed.js';
import { WireClock } from './wire-clock.js';
import type { XeniooEntryOptions } from './xenioo-entry.js';
import {
  withFields,
  type XeniooWireEntry,
  type XeniooWireFields,
} from './xenioo-wire-entry.js';

/** How a conversation goes. */
export interface XeniooConversationOptions extends XeniooEntryOptions {
  /**
   * How often the user writes and the bot answers, before anything goes wrong.
   * @default 3
   */
  readonly turns?: number;
  /**
   * Whether the bot fails to understand once, and the conversation hits its fallback.
   * @default true
   */
  readonly fallback?: boolean;
  /**
   * Whether an operator takes the conversation over, and hands it back.
   * @default true
   */
  readonly takeOver?: boolean;
  /** Put on every entry: variables, or another `Channel`. */
  readonly fields?: XeniooWireFields;
}

/**
 * Makes a conversation as Xenioo tells it: the user connects, the bot greets,
 * they write, the bot fails to understand, an operator takes over and hands
 * back. In the order of its dates, of which some differ in ticks alone.
 * @throws {XeniooTestingError} when there can't be so many turns
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
  const dice = new Dice(seed ?? randomSeed());
  const start = startAt ?? (seed === undefined ? undefined : SEEDED_START);
  return [...tellConversation(dice, new WireClock(dice, start), options)];
}

/** Tells a conversation entry by entry, each made when it is asked for. */
export function* tellConversation(
  dice: Dice,
  clock: WireClock,
  {
    turns = 3,
    fallback = true,
    takeOver = true,
    fields,
  }: XeniooConversationOptions,
): Generator<XeniooWireEntry> {
  const where = {
    AccountName: 'Matelab Srl',
    ConversationId: dice.uuid(),
    UserName: dice.pick(USER_NAMES),
    Channel: dice.pick(CHANNELS),
  };
  const happened = (Type: XeniooEventType, Date = clock.later()) =>
    withFields({ Type, Date, ...where }, fields);
  const botWrites = (Data: string, Date = clock.soon()) =>
    withFields(
      {
        Type: XeniooEventType.BotMessage,
        ItemType: 'Text',
        Data,
        Date,
        ...where,
      },
      fields,
    );
  const userWrites = (Data: string) =>
    withFields(
      {
        Type: XeniooEventType.UserMessage,
        Data,
        Date: clock.later(),
        ...where,
      },
      fields,
    );

  const { UserConnected, UserReturned } = XeniooEventType;
  yield happened(dice.once(2) ? UserConnected : UserReturned);
  yield botWrites(GREETING);
  for (let turn = 0; turn < turns; turn++) {
    yield userWrites(dice.pick(QUESTIONS));
    yield botWrites(dice.pick(ANSWERS));
  }
  if (fallback) {
    const Text = dice.pick(MURMURS);
    yield userWrites(Text);
    const { AccountName } = where;
    const Type = XeniooEventType.UnmatchedMessage;
    yield withFields({ Type, AccountName, Text }, fields);
    yield happened(XeniooEventType.Fallback, clock.soon());
    yield botWrites(MISUNDERSTOOD);
  }
  if (takeOver) {
    yield happened(XeniooEventType.TakeOver);
    yield botWrites(OPERATOR_GREETING, clock.later());
    yield userWrites(dice.pick(QUESTIONS));
    yield botWrites(dice.pick(ANSWERS), clock.later());
    yield happened(XeniooEventType.HandOver);
  }
  yield botWrites(GOODBYE);
}
