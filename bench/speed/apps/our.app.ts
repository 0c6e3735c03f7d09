import { Injectable, Module, UseGuards, type Type } from '@nestjs/common';
import { EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import {
  OnXenioo,
  XeniooEventType,
  XeniooInbox,
  XeniooModule,
  type XeniooEvent,
  type UserMessageEvent,
} from 'nestjs-xenioo';
import { XeniooInspectorModule } from 'nestjs-xenioo/inspector';
import { lmdbInbox } from 'nestjs-xenioo/lmdb';
import { SECRET } from '../../body.js';
import type { Contestant } from '../contestant.js';
import { createApp } from './adapters.js';
import { listen, type Served } from './served.js';
import { REALISTIC_HANDLERS, Store } from './store.js';

@Injectable()
class Crm {
  constructor(private readonly store: Store) {}

  @OnXenioo(XeniooEventType.UserMessage)
  async saveMessage(event: UserMessageEvent): Promise<void> {
    await this.store.write(event.conversationId, event.text, event.date);
  }

  @OnXenioo(XeniooEventType.UserMessage)
  async updateCustomer(event: UserMessageEvent): Promise<void> {
    await this.store.write(event.userName, event.channel);
  }
}

@Injectable()
class Statistics {
  constructor(private readonly store: Store) {}

  @OnXenioo()
  async count(event: XeniooEvent): Promise<void> {
    await this.store.write(event.type);
  }
}

@Injectable()
class Board {
  constructor(private readonly store: Store) {}

  @OnEvent('xenioo.user-message')
  show(_event: UserMessageEvent): void {
    this.store.heard++;
  }
}

@Injectable()
class Counter {
  constructor(private readonly store: Store) {}

  @OnXenioo()
  count(_event: XeniooEvent): void {
    this.store.writes++;
  }
}

/** Admits everyone. */
@Injectable()
class OpenGuard {
  canActivate(): boolean {
    return true;
  }
}

/** Creates an application with the module: three asynchronous handlers and a listener, or one synchronous handler. */
export function ourModule({
  handlers,
  dedupe,
  folder,
  inspector,
}: Contestant): Type {
  const xenioo = XeniooModule.forRoot({
    secret: SECRET,
    ...(dedupe === false && { dedupe }),
    ...(folder !== undefined && { inbox: lmdbInbox({ path: folder }) }),
  });
  const isRealistic = handlers === 'realistic';
  @Module({
    imports: [
      xenioo,
      ...(isRealistic ? [EventEmitterModule.forRoot()] : []),
      ...(inspector
        ? [
            XeniooInspectorModule.forRoot({
              decorators: [UseGuards(OpenGuard)],
            }),
          ]
        : []),
    ],
    providers: [Store, ...(isRealistic ? [Crm, Statistics, Board] : [Counter])],
  })
  class OurModule {}
  return OurModule;
}

export async function serveOurs(contestant: Contestant): Promise<Served> {
  const app = await createApp(ourModule(contestant), contestant.adapter);
  const urls = await listen(app, '/xenioo/webhook');
  const store = app.get(Store);
  const inbox = app.get(XeniooInbox, { strict: false });
  return {
    urls,
    handled: () =>
      contestant.handlers === 'realistic'
        ? Math.min(store.writes / REALISTIC_HANDLERS, store.heard)
        : store.writes,
    idle: () => inbox.idle(),
  };
}
