import { Injectable, type INestApplication } from '@nestjs/common';
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  OnXenioo,
  XeniooDeadLetters,
  XeniooEventType,
  XeniooInbox,
  XeniooModule,
  XeniooObservers,
  XeniooWebhookStatus,
  type UserMessageEvent,
  type XeniooDelivery,
  type XeniooRefusal,
} from '../../lib/index.js';
import {
  deliver,
  idle,
  senderFor,
  xeniooEntry,
} from '../../lib/testing/index.js';
import { startHost } from '../support/host-app.js';
import { AcceptOnlyInbox } from '../support/accept-only-inbox.js';
import { senderAt } from '../support/sender-at.js';

// The examples of docs/monitoring.md and README.md are the classes of this file.

@Injectable()
export class Metrics {
  readonly counts = new Map<string, number>();

  constructor(observers: XeniooObservers) {
    observers.add({
      handlerFinished: ({ handler }, { status }) =>
        this.count(`${handler} ${status}`),
      callRefused: ({ reason }) => this.count(`refused ${reason}`),
      strike: ({ status }) => this.count(`strike ${status}`),
    });
  }

  private count(name: string) {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }
}

const conversations = new AsyncLocalStorage<string | undefined>();

@Injectable()
export class Conversations {
  constructor(observers: XeniooObservers) {
    observers.add({
      runHandler: ({ event }, next) =>
        conversations.run(event.conversationId, next),
    });
  }
}

@Injectable()
class Crm {
  readonly seen: unknown[] = [];

  @OnXenioo(XeniooEventType.UserMessage)
  async saveMessage({ text }: UserMessageEvent) {
    this.seen.push([text, conversations.getStore()]);
    if (text === 'fail') throw new Error('the CRM is down');
  }
}

@Injectable()
class Injected {
  constructor(
    readonly observers: XeniooObservers,
    readonly deadLetters: XeniooDeadLetters,
    readonly status: XeniooWebhookStatus,
    readonly inbox: XeniooInbox,
  ) {}
}

async function start(
  adapter: 'express' | 'fastify',
): Promise<INestApplication> {
  const { app } = await startHost(adapter, {
    imports: [XeniooModule.forRoot({ secret: 'right-secret', retry: false })],
    providers: [Crm, Conversations, Injected, Metrics],
  });
  return app;
}

/** Keeps the deliveries that it is given. */
class KeepingInbox extends AcceptOnlyInbox {
  readonly deliveries: XeniooDelivery[] = [];

  async accept(delivery: XeniooDelivery) {
    this.deliveries.push(delivery);
  }
}

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  it('injects the observers, the dead letters, the status and the inbox into a provider of the application', async () => {
    const app = await start(adapter);

    const { observers, deadLetters, status, inbox } = app.get(Injected);

    expect(observers).toBeInstanceOf(XeniooObservers);
    expect(deadLetters).toBeInstanceOf(XeniooDeadLetters);
    expect(status).toBeInstanceOf(XeniooWebhookStatus);
    expect(inbox).toBeInstanceOf(XeniooInbox);
  });

  it('notifies an observer of handler results and refused calls', async () => {
    const app = await start(adapter);
    await deliver(app, [
      xeniooEntry.userMessage(),
      xeniooEntry.userMessage({ Data: 'fail' }),
    ]);
    await idle(app);
    const sender = await senderFor(app, { secret: 'another-secret' });
    await sender.call({ Type: 1 });
    sender.close();

    expect(Object.fromEntries(app.get(Metrics).counts)).toEqual({
      'Crm.saveMessage done': 1,
      'Crm.saveMessage failed': 1,
      'refused unknown-secret': 1,
    });
  });

  it('handles the events of a call when every method of an observer rejects', async () => {
    const app = await start(adapter);
    const reject = () => Promise.reject(new Error('the tracer is down'));
    // The types allow no async `carrier()`; JavaScript does.
    app.get(XeniooObservers).add({
      carrier: reject,
      deliveryAccepted: reject,
      handlerStarted: reject,
      runHandler: reject,
      handlerFinished: reject,
      deadLetterAdded: reject,
    } as object);

    await deliver(app, [
      xeniooEntry.userMessage(),
      xeniooEntry.userMessage({ Data: 'fail' }),
    ]);
    await idle(app);

    expect(Object.fromEntries(app.get(Metrics).counts)).toEqual({
      'Crm.saveMessage done': 1,
      'Crm.saveMessage failed': 1,
    });
  });

  it('without an observer, a call creates nothing for observers', async () => {
    const inbox = new KeepingInbox();
    const { app, url } = await startHost(adapter, {
      imports: [
        XeniooModule.forRoot({
          secret: 'right-secret',
          inbox: { useFactory: () => inbox },
        }),
      ],
    });
    const observers = app.get(XeniooObservers, { strict: false });
    const notify = vi.spyOn(observers, 'notify');
    // `senderFor()` would add an observer of its own.
    const sender = senderAt(url('/xenioo/webhook'));
    await sender.call(xeniooEntry.userMessage());
    expect(notify).not.toHaveBeenCalled();

    const remove = observers.add({ carrier: () => ({ id: '1' }) });
    await sender.call(xeniooEntry.userMessage());
    expect(notify).toHaveBeenCalledOnce();
    remove();
    await sender.call(xeniooEntry.userMessage());

    expect(notify).toHaveBeenCalledOnce();
    const carriers = inbox.deliveries.map(({ carrier }) => carrier);
    expect(carriers).toEqual([undefined, { id: '1' }, undefined]);
    expect(inbox.deliveries[0]).not.toHaveProperty('carrier');
  });

  it('lets an observer run each handler in an AsyncLocalStorage store of its event', async () => {
    const app = await start(adapter);

    await deliver(
      app,
      ['one', 'two'].map(name =>
        xeniooEntry.userMessage({ Data: name, ConversationId: name }),
      ),
    );
    await idle(app);

    expect(app.get(Crm).seen).toEqual([
      ['one', 'one'],
      ['two', 'two'],
    ]);
  });

  it('publishes refused calls on a diagnostics channel', async () => {
    const reasons: string[] = [];
    const onRefused = (message: unknown) => {
      const { reason, address } = message as XeniooRefusal;
      reasons.push(`${reason} from ${address}`);
    };
    subscribe('xenioo.refused', onRefused);

    onTestFinished(() => void unsubscribe('xenioo.refused', onRefused));
    const sender = await senderFor(await start(adapter), { secret: 'another' });
    await sender.call({ Type: 1 });
    sender.close();

    expect(reasons).toEqual([expect.stringMatching(/^unknown-secret from .+/)]);
  });
});
