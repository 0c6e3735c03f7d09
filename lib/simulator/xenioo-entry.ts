import { quote } from '../options/describe-value.js';
import type { InvalidXeniooReason } from '../events/invalid-xenioo.entry.js';
import { XeniooEventType } from '../events/xenioo-event-type.js';
import {
  ANSWERS,
  CHANNELS,
  ENTITIES,
  INTENTS,
  UNMATCHED_TEXTS,
  QUESTIONS,
  USER_NAMES,
} from './sample-texts.js';
import { randomSeed, SEEDED_START, SeededRandom } from './seeded-random.js';
import { WireClock } from './wire-clock.js';
import { XeniooTestingError } from './xenioo-testing.errors.js';
import {
  withFields,
  type XeniooWireEntry,
  type XeniooWireFields,
} from './xenioo-wire-entry.js';

/** Number of a type that Xenioo does not document. */
const UNKNOWN_TYPE = 99;

/** Options of the entries to create. */
export interface XeniooEntryOptions {
  /**
   * Creates the same entries in the same order each time. An app that has accepted
   * them before drops those with a `Date` as duplicates (`dedupe`).
   * @default a random seed
   */
  readonly seed?: number;
  /**
   * Time shortly before the first entry.
   * @default now; with a seed, noon of 1 May 2024
   */
  readonly startAt?: Date;
}

/** Creates a realistic entry; the given fields replace its own. */
export type XeniooEntryFactory = (fields?: XeniooWireFields) => XeniooWireEntry;

/** Names of the factories: the names of the types, in camel case. */
export type XeniooEntryName = Uncapitalize<keyof typeof XeniooEventType>;

/** A factory for each type of entry, for unknown types and for invalid entries. */
export interface XeniooEntryFactories extends Record<
  XeniooEntryName,
  XeniooEntryFactory
> {
  /** The bot, or an operator, wrote a message. */
  readonly botMessage: XeniooEntryFactory;
  /** The user wrote a message or clicked a button. */
  readonly userMessage: XeniooEntryFactory;
  /** An error occurred in the conversation. */
  readonly conversationError: XeniooEntryFactory;
  /** An intent was changed. Entries of types 3 to 7 have no date and no conversation. */
  readonly intentUpdated: XeniooEntryFactory;
  /** An intent was deleted. */
  readonly intentDeleted: XeniooEntryFactory;
  /** An entity was changed. */
  readonly entityUpdated: XeniooEntryFactory;
  /** An entity was deleted. */
  readonly entityDeleted: XeniooEntryFactory;
  /** The text of the user, `Text`, was not understood. */
  readonly unmatchedMessage: XeniooEntryFactory;
  /** A user contacted the bot for the first time, or again after Xenioo has forgotten them. */
  readonly userConnected: XeniooEntryFactory;
  /** A user came back. */
  readonly userReturned: XeniooEntryFactory;
  /** An operator took the conversation over. */
  readonly takeOver: XeniooEntryFactory;
  /** An operator handed the conversation back to the bot. */
  readonly handOver: XeniooEntryFactory;
  /** The conversation hit a fallback interaction. */
  readonly fallback: XeniooEntryFactory;
  /** The user's reply to a question was not valid. */
  readonly wrongReply: XeniooEntryFactory;

  /** An entry of a type that is not documented, 99 unless `Type` is given; Xenioo can add types at any time. */
  unknown(
    fields?: Omit<XeniooWireFields, 'Type'> & { readonly Type?: number },
  ): XeniooWireEntry;

  /**
   * An entry that is invalid for the given reason, `invalid-fields` by default.
   * `not-json` is the text of a body that is cut off; `foreign-bot` is invalid only in an app that
   * knows the tokens of its bots.
   */
  malformed(reason?: Exclude<InvalidXeniooReason, 'too-many-entries'>): unknown;
}

/**
 * Creates factories with their own seed or start date.
 *
 * @example
 * ```ts
 * const entry = createXeniooEntry({ seed: 7 });
 * entry.userMessage(); // the same in each run
 * ```
 */
export function createXeniooEntry({
  seed,
  startAt,
}: XeniooEntryOptions = {}): XeniooEntryFactories {
  const random = new SeededRandom(seed ?? randomSeed());
  const start = startAt ?? (seed === undefined ? undefined : SEEDED_START);
  const clock = new WireClock(random, start);

  const conversationFields = () => ({
    Date: clock.later(),
    AccountName: 'Matelab Srl',
    ConversationId: random.uuid(),
    UserName: random.pick(USER_NAMES),
    Channel: random.pick(CHANNELS),
  });
  const conversationEvent =
    (Type: XeniooEventType): XeniooEntryFactory =>
    fields =>
      withFields({ Type, ...conversationFields() }, fields);
  const message =
    (Type: XeniooEventType, texts: readonly string[]): XeniooEntryFactory =>
    fields =>
      withFields(
        {
          Type,
          ItemType: 'Text',
          Data: random.pick(texts),
          ...conversationFields(),
        },
        fields,
      );
  // Types 3 to 7 have no date and no conversation.
  const knowledge =
    (
      Type: XeniooEventType,
      known: readonly XeniooWireFields[],
    ): XeniooEntryFactory =>
    fields =>
      withFields(
        { Type, AccountName: 'Matelab Srl', ...random.pick(known) },
        fields,
      );

  const userMessage = message(XeniooEventType.UserMessage, QUESTIONS);
  return {
    botMessage: message(XeniooEventType.BotMessage, ANSWERS),
    userMessage,
    conversationError: conversationEvent(XeniooEventType.ConversationError),
    intentUpdated: knowledge(XeniooEventType.IntentUpdated, INTENTS),
    intentDeleted: knowledge(XeniooEventType.IntentDeleted, INTENTS),
    entityUpdated: knowledge(XeniooEventType.EntityUpdated, ENTITIES),
    entityDeleted: knowledge(XeniooEventType.EntityDeleted, ENTITIES),
    unmatchedMessage: knowledge(
      XeniooEventType.UnmatchedMessage,
      UNMATCHED_TEXTS.map(Text => ({ Text })),
    ),
    userConnected: conversationEvent(XeniooEventType.UserConnected),
    userReturned: conversationEvent(XeniooEventType.UserReturned),
    takeOver: conversationEvent(XeniooEventType.TakeOver),
    handOver: conversationEvent(XeniooEventType.HandOver),
    fallback: conversationEvent(XeniooEventType.Fallback),
    wrongReply: conversationEvent(XeniooEventType.WrongReply),
    unknown: ({ Type = UNKNOWN_TYPE, ...fields } = {}) =>
      withFields({ Type, ...conversationFields() }, fields),
    malformed: (reason = 'invalid-fields') => {
      if (reason in MALFORMED) return MALFORMED[reason](userMessage());
      const reasons = Object.keys(MALFORMED).join(', ');
      throw new XeniooTestingError(
        `malformed(): expected one of ${reasons}, got ${quote(reason)}.`,
      );
    },
  };
}

const MALFORMED: Record<
  Exclude<InvalidXeniooReason, 'too-many-entries'>,
  (entry: XeniooWireEntry) => unknown
> = {
  'invalid-fields': entry => ({ ...entry, Data: 42, Date: 'yesterday' }),
  'not-an-event': () => 42,
  'foreign-bot': entry => ({ ...entry, BotToken: 'token-of-another-bot' }),
  'not-json': entry => JSON.stringify(entry).slice(0, -20),
};

/**
 * Creates entries as Xenioo sends them, each with its own date and ids.
 *
 * @example
 * ```ts
 * xeniooEntry.userMessage({ Data: 'Hello!', UserName: 'Ada', city: 'Rome' });
 * ```
 */
export const xeniooEntry: XeniooEntryFactories = createXeniooEntry();
