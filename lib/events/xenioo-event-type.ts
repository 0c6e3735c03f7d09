/** Types of events: the `Type` field of an entry. An event of any other type is an `UnknownXeniooEvent`. */
export enum XeniooEventType {
  /** The bot or an operator wrote a message. */
  BotMessage = 0,
  /** The user wrote a message or clicked a button. */
  UserMessage = 1,
  /** An error occurred in the conversation. */
  ConversationError = 2,
  IntentUpdated = 3,
  IntentDeleted = 4,
  EntityUpdated = 5,
  EntityDeleted = 6,
  /** Automatic Intent Redirection did not detect a message of the user. */
  UnmatchedMessage = 7,
  /** A user contacted the bot for the first time, or again after Xenioo has forgotten them. */
  UserConnected = 8,
  /** A user came back. Sent at most once in 24 hours. */
  UserReturned = 9,
  /** An operator took the conversation over. */
  TakeOver = 10,
  /** An operator handed the conversation back to the bot. */
  HandOver = 11,
  /** The conversation hit a fallback interaction. */
  Fallback = 12,
  /** The user's reply to a question was not valid. */
  WrongReply = 13,
}
