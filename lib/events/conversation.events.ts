import type { XeniooEventType } from './xenioo-event-type.js';
import { XeniooEvent } from './xenioo.event.js';

/** An error occurred in the conversation. */
export class ConversationErrorEvent extends XeniooEvent {
  declare readonly type: XeniooEventType.ConversationError;
  declare readonly typeName: 'conversation-error';
}

/** A user who never contacted the bot before, or has been forgotten. */
export class UserConnectedEvent extends XeniooEvent {
  declare readonly type: XeniooEventType.UserConnected;
  declare readonly typeName: 'user-connected';
}

/** A user came back; at most once in 24 hours. */
export class UserReturnedEvent extends XeniooEvent {
  declare readonly type: XeniooEventType.UserReturned;
  declare readonly typeName: 'user-returned';
}

/** An operator took the conversation over. */
export class TakeOverEvent extends XeniooEvent {
  declare readonly type: XeniooEventType.TakeOver;
  declare readonly typeName: 'take-over';
}

/** An operator handed the conversation back to the bot. */
export class HandOverEvent extends XeniooEvent {
  declare readonly type: XeniooEventType.HandOver;
  declare readonly typeName: 'hand-over';
}

/** The conversation hit a fallback interaction. */
export class FallbackEvent extends XeniooEvent {
  declare readonly type: XeniooEventType.Fallback;
  declare readonly typeName: 'fallback';
}

/** The user's reply to a question was not a valid one. */
export class WrongReplyEvent extends XeniooEvent {
  declare readonly type: XeniooEventType.WrongReply;
  declare readonly typeName: 'wrong-reply';
}
