import { Injectable } from '@nestjs/common';
import { ClsService, type ClsStore } from 'nestjs-cls';
import { XeniooObservers } from '../../lib/index.js';

interface EventStore extends ClsStore {
  eventId: string;
  handler: string;
}

@Injectable()
export class ContextPerEvent {
  constructor(observers: XeniooObservers, cls: ClsService<EventStore>) {
    observers.add({
      runHandler: ({ event, handler }, next) =>
        cls.run(() => {
          cls.set('eventId', event.id);
          cls.set('handler', handler);
          return next();
        }),
    });
  }
}
