import { Injectable, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { onTestFinished } from 'vitest';
import { parseBody } from '../../lib/events/parse-body.js';
import { XeniooObservers } from '../../lib/handlers/xenioo.observers.js';
import {
  memoryInbox,
  OnXenioo,
  OnXeniooInvalid,
  UserMessageEvent,
  XeniooEventType,
  XeniooInbox,
  XeniooModule,
  type XeniooModuleOptions,
} from '../../lib/index.js';
import { createReceipt } from './entry-of.js';

/** Handlers of a host. The test replaces `work`. */
@Injectable()
export class Crm {
  readonly texts: (string | undefined)[] = [];
  work: (event: UserMessageEvent) => unknown = () => {};

  @OnXenioo(XeniooEventType.UserMessage)
  async save(event: UserMessageEvent): Promise<void> {
    await this.work(event);
    this.texts.push(event.text);
  }

  @OnXeniooInvalid()
  keep(): void {}
}

export interface TestingContext {
  readonly app: INestApplicationContext;
  readonly crm: Crm;
  /** Accepts entries like a webhook call, without a server. */
  readonly accept: Accept;
  /** Functions like `accept`, one for each instance of the module. */
  readonly acceptAt: readonly Accept[];
}

type Accept = (...entries: unknown[]) => Promise<void>;

/** Starts an application without a server, such as a worker, until the test has finished. */
export async function startContext(
  ...instances: Partial<XeniooModuleOptions>[]
): Promise<TestingContext> {
  class AppModule {}
  const app = await NestFactory.createApplicationContext(
    {
      module: AppModule,
      imports: (instances.length > 0 ? instances : [{}]).map(options =>
        XeniooModule.forRoot({
          secret: 'right-secret',
          inbox: memoryInbox({ acknowledgeWithinMs: 0 }),
          ...options,
        }),
      ),
      providers: [Crm],
    },
    { logger: false },
  );
  onTestFinished(() => app.close());
  const observers = app.get(XeniooObservers, { strict: false });
  const acceptAt = app
    .get(XeniooInbox, { strict: false, each: true })
    .map((inbox): Accept => async (...given) => {
      const { bot, receivedAt } = createReceipt();
      const entries = parseBody(JSON.stringify(given), { bot, receivedAt });
      const delivery = { bot: bot.name, receivedAt, entries };
      await inbox.accept(delivery);
      observers.notify('deliveryAccepted', delivery);
    });
  return { app, crm: app.get(Crm), accept: acceptAt[0]!, acceptAt };
}
