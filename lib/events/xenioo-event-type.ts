/** What happened: the `Type` of an entry on the wire. Xenioo can add one at any time. */
export enum XeniooEventType {
  /** The bot, or an operator, wrote a message. */
  BotMessage = 0,
  /** The user wrote a message or clicked a button. */
  UserMessage = 1,
  /** An error occurred in the conversation. */
  ConversationError = 2,
  IntentUpdated = 3,
  IntentDeleted = 4,
  EntityUpdated = 5,
  EntityDeleted = 6,
  /** Automatic Intent Redirection did not detect what the user wrote. */
  UnmatchedMessage = 7,
  /** A user who never contacted the bot before, or has been forgotten. */
  UserConnected = 8,
  /** A user came back; at most once in 24 hours. */
  UserReturned = 9,
  /** An operator took the conversation over. */
  TakeOver = 10,
  /** An operator handed the conversation back to the bot. */
  HandOver = 11,
  /** The conversation hit a fallback interaction. */
  Fallback = 12,
  /** The user's reply to a question was not a valid one. */
  WrongReply = 13,
}
