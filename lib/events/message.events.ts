import { WireText } from './wire-fields.js';
import type { XeniooEventType } from './xenioo-event-type.js';
import { XeniooEvent } from './xenioo.event.js';

/** A message of either side. */
export abstract class XeniooMessageEvent extends XeniooEvent {
  /** What was written. Of a clicked button: its text and its payload. */
  @WireText('Data')
  readonly text?: string;

  /** Visual type of the message item, as `'Text'`: an open set. */
  @WireText('ItemType')
  readonly itemType?: string;

  @WireText('ItemSubType')
  readonly itemSubType?: string;
}

/** The bot, or an operator, wrote a message. */
export class BotMessageEvent extends XeniooMessageEvent {
  declare readonly type: XeniooEventType.BotMessage;
  declare readonly typeName: 'bot-message';
}

/** The user wrote a message or clicked a button. */
export class UserMessageEvent extends XeniooMessageEvent {
  declare readonly type: XeniooEventType.UserMessage;
  declare readonly typeName: 'user-message';
}

/** Automatic Intent Redirection did not detect what the user wrote. */
export class UnmatchedMessageEvent extends XeniooEvent {
  declare readonly type: XeniooEventType.UnmatchedMessage;
  declare readonly typeName: 'unmatched-message';

  /** The text that was not detected. */
  @WireText('Text', { required: true })
  readonly text!: string;
}
