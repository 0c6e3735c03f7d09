import { Controller, Get, Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import {
  OnXenioo,
  XeniooDeadLetters,
  XeniooEventType,
  XeniooModule,
  type UserMessageEvent,
} from '../../lib/index.js';
import { idle, senderFor, xeniooEntry } from '../../lib/testing/index.js';
import { SerializingModule } from '../recipes/serializer.js';
import { ADAPTERS, startHost, type AdapterName } from '../support/host-app.js';

@Injectable()
class Conversations {
  readonly messages: UserMessageEvent[] = [];

  @OnXenioo(XeniooEventType.UserMessage)
  add(message: UserMessageEvent) {
    this.messages.push(message);
  }

  @OnXenioo(XeniooEventType.UserMessage, { retry: false })
  async fail() {
    throw new Error('the CRM is down');
  }
}

@Controller()
class MessagesController {
  constructor(
    private readonly conversations: Conversations,
    private readonly deadLetters: XeniooDeadLetters,
  ) {}

  @Get('messages')
  messages() {
    return this.conversations.messages;
  }

  @Get('dead-letters')
  letters() {
    return this.deadLetters.list();
  }
}

describe.each(Object.keys(ADAPTERS) as AdapterName[])('on %s', adapter => {
  it('exempts the webhook from ClassSerializerInterceptor and an interceptor that wraps answers', async () => {
    const { app, url } = await startHost(adapter, {
      imports: [
        SerializingModule,
        XeniooModule.forRoot({ secret: 'secret-of-the-bot' }),
      ],
      controllers: [MessagesController],
      providers: [Conversations],
    });
    const sender = await senderFor(app);
    const entry = xeniooEntry.userMessage({ Data: 'Hi', city: 'Rome' });

    const answer = await sender.call(entry);
    await idle(app);
    sender.close();

    expect(answer).toMatchObject({ status: 200, body: '' });
    const event = {
      type: 1,
      typeName: 'user-message',
      text: 'Hi',
      bot: 'default',
      variables: { city: 'Rome' },
    };
    const read = async (path: string): Promise<unknown> =>
      (await fetch(url(path))).json();
    const messages = await read('/messages');
    expect(messages).toMatchObject({ data: [event] });
    expect(messages).not.toHaveProperty('data.0.raw');
    expect(await read('/dead-letters')).toMatchObject({
      data: [
        {
          kind: 'event',
          handler: 'Conversations.fail',
          entry: event,
          error: { message: 'the CRM is down' },
        },
      ],
    });
  });
});
