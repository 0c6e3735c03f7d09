import { Expose } from 'class-transformer';
import { IsString, ValidateIf } from 'class-validator';
import { expected, WireText } from './wire-fields.js';
import type { XeniooEventType } from './xenioo-event-type.js';
import { XeniooEvent } from './xenioo.event.js';

/** Somebody changed what the bot understands: an intent or an entity. One of `name` and `key` is always there. */
export abstract class XeniooKnowledgeEvent extends XeniooEvent {
  /** Name of the intent or entity. */
  @Expose({ name: 'Name' })
  @ValidateIf(
    ({ name, key }: XeniooKnowledgeEvent) =>
      name !== undefined || key === undefined,
  )
  @IsString({
    message: args =>
      args.value === undefined
        ? 'Name or Key is required'
        : expected('Name', 'a string')(args),
  })
  readonly name?: string;

  /** Key of the intent or entity. */
  @WireText('Key')
  readonly key?: string;
}

export class IntentUpdatedEvent extends XeniooKnowledgeEvent {
  declare readonly type: XeniooEventType.IntentUpdated;
  declare readonly typeName: 'intent-updated';
}

export class IntentDeletedEvent extends XeniooKnowledgeEvent {
  declare readonly type: XeniooEventType.IntentDeleted;
  declare readonly typeName: 'intent-deleted';
}

export class EntityUpdatedEvent extends XeniooKnowledgeEvent {
  declare readonly type: XeniooEventType.EntityUpdated;
  declare readonly typeName: 'entity-updated';
}

export class EntityDeletedEvent extends XeniooKnowledgeEvent {
  declare readonly type: XeniooEventType.EntityDeleted;
  declare readonly typeName: 'entity-deleted';
}
