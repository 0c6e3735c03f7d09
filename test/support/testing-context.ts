import { Injectable, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { onTestFinished } from 'vitest';
import { parseBody } from '../../lib/events/parse-body.js';
import { XeniooObservers } from '../../lib/handlers/xenioo.observers.js';
import {
  OnXenioo,
  OnXeniooInvalid,
  UserMessageEvent,
  XeniooEventType,
  XeniooInbox,
  XeniooModule,
  type XeniooModuleOptions,
} from '../../lib/index.js';
import { receipt } from './receipt.js';

/** A host's handlers; what they do is the test's to say. */
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
  /** Accepts entries as a call brings them; there is no server that could. */
  readonly accept: Accept;
  /** The same, for each instance of the module. */
  readonly acceptAt: readonly Accept[];
}

type Accept = (...entries: unknown[]) => Promise<void>;

/** An application that has no server, as a worker is one; it ends with the test. */
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
          acknowledgeWithinMs: 0,
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
      const entries = [...parseBody(JSON.stringify(given), receipt())];
      await inbox.accept({ entries });
      observers.received(entries);
    });
  return { app, crm: app.get(Crm), accept: acceptAt[0]!, acceptAt };
}
