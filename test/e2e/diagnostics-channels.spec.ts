import { Injectable } from '@nestjs/common';
import {
  subscribe,
  tracingChannel,
  unsubscribe,
} from 'node:diagnostics_channel';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  OnXenioo,
  XeniooDeadLetters,
  XeniooEventType,
  XeniooModule,
  XeniooObservers,
  XeniooWebhookStatus,
  type UserMessageEvent,
  type XeniooDuplicates,
} from '../../lib/index.js';
import {
  idle,
  senderFor,
  xeniooEntry,
  type XeniooCallOptions,
} from '../../lib/testing/index.js';
import { startHost } from '../support/host-app.js';

/** Fails on every hundredth event each time, and on every tenth the first time; counts its attempts. */
@Injectable()
class Crm {
  readonly attempts = new Map<string, number>();
  counts = { attempts: 0, errors: 0 };

  @OnXenioo(XeniooEventType.UserMessage)
  async saveMessage({ id, text }: UserMessageEvent) {
    this.counts.attempts++;
    const attempt = (this.attempts.get(id) ?? 0) + 1;
    this.attempts.set(id, attempt);
    await new Promise(setImmediate);
    const number = Number(text);
    if (number % 100 === 0 || (number % 10 === 0 && attempt === 1)) {
      this.counts.errors++;
      throw new Error('the CRM is down');
    }
  }
}

const EVENTS = 10_000;
const REPEATED = 2_000;
const INVALID = 150;
const WRONG_SECRETS = 60;
const MISSING_SECRETS = 40;
const STRIKES = 30;

/** Counts messages on all channels, those of `xenioo.duplicate` by their events. */
function countMessages() {
  const counts: Record<string, number> = {};
  const count = (name: string, by = 1) =>
    (counts[name] = (counts[name] ?? 0) + by);
  const listeners = {
    'xenioo.strike': () => count('strikes'),
    'xenioo.silence': () => count('silences'),
    'xenioo.refused': () => count('refused'),
    'xenioo.duplicate': (message: unknown) =>
      count('duplicates', (message as XeniooDuplicates).count),
    'xenioo.dead-letter': () => count('dead letters'),
  };
  for (const [name, listener] of Object.entries(listeners)) {
    subscribe(name, listener);
    onTestFinished(() => void unsubscribe(name, listener));
  }
  for (const name of ['delivery', 'handler']) {
    const channel = tracingChannel(`xenioo.${name}`);
    const subscribers = {
      start: () => void count(`${name} started`),
      end: () => {},
      asyncStart: () => {},
      asyncEnd: () => void count(`${name} ended`),
      error: () => void count(`${name} failed`),
    };
    channel.subscribe(subscribers);
    onTestFinished(() => channel.unsubscribe(subscribers));
  }
  return counts;
}

/** Counts the moments that observers see, under the names of {@link countMessages}. */
@Injectable()
class Counts {
  readonly seen: Record<string, number> = {};

  constructor(observers: XeniooObservers) {
    observers.add({
      deliveryAccepted: () => this.add('delivery ended'),
      callRefused: () => this.add('refused'),
      strike: () => this.add('strikes'),
      duplicatesDropped: ({ count }) => this.add('duplicates', count),
      handlerStarted: () => this.add('handler started'),
      handlerFinished: (_run, { status }) => {
        this.add('handler ended');
        if (status !== 'done') this.add('handler failed');
      },
      deadLetterAdded: () => this.add('dead letters'),
    });
  }

  private add(name: string, count = 1) {
    this.seen[name] = (this.seen[name] ?? 0) + count;
  }
}

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  it('diagnostics channels and observers report each call, duplicate, strike, refusal, attempt and dead letter of 10,000 events once', async () => {
    const messages = countMessages();
    const { app } = await startHost(adapter, {
      imports: [
        XeniooModule.forRoot({
          secret: 'right-secret',
          bodyLimit: '64kb',
          retry: { attempts: 2, delayMs: 1 },
        }),
      ],
      providers: [Crm, Counts],
    });
    const sender = await senderFor(app, { failures: 'ignore' });
    onTestFinished(() => sender.close());
    const events = Array.from({ length: EVENTS }, (_, number) =>
      xeniooEntry.userMessage({
        Data: String(number),
        ConversationId: String(number % 97),
      }),
    );
    const plan = { grouped: 20, concurrency: 8 };
    const first = await sender.send(events, plan);
    const again = await sender.send(events.slice(0, REPEATED), plan);
    const invalid = await sender.send(
      Array.from({ length: INVALID }, () => ({ Type: 'one' })),
      plan,
    );
    const outcomes: Record<string, number> = {};
    const call = async (body: unknown, options?: XeniooCallOptions) => {
      const { status } = await sender.call(body, options);
      outcomes[String(status)] = (outcomes[String(status)] ?? 0) + 1;
    };
    const wrong = { authorization: 'Bearer wrong' };
    for (let n = 0; n < WRONG_SECRETS; n++) await call({}, wrong);
    const missing = { authorization: null };
    for (let n = 0; n < MISSING_SECRETS; n++) await call({}, missing);
    const long = xeniooEntry.userMessage({ Data: 'long '.repeat(20_000) });
    for (let n = 0; n < STRIKES; n++) await call(long);
    await idle(app);

    expect(outcomes).toEqual({ 401: 100, 413: STRIKES });
    const accepted = first.calls + again.calls + invalid.calls;
    for (const { calls, outcomes: answers } of [first, again, invalid]) {
      expect(answers).toEqual({ 200: calls });
    }
    const { attempts, errors } = app.get(Crm).counts;
    expect(app.get(Crm).attempts.size).toBe(EVENTS);
    const letters = await app
      .get(XeniooDeadLetters, { strict: false })
      .list({ limit: 1_000 });
    expect(letters).toHaveLength(EVENTS / 100 + INVALID);

    expect(messages).toEqual({
      'delivery started': accepted,
      'delivery ended': accepted,
      refused: WRONG_SECRETS + MISSING_SECRETS,
      strikes: STRIKES,
      duplicates: REPEATED,
      'handler started': attempts,
      'handler ended': attempts,
      'handler failed': errors,
      'dead letters': letters.length,
    });
    const { 'delivery started': _, ...observed } = messages;
    expect(app.get(Counts).seen).toEqual(observed);
    const { strikes, refused } = app.get(XeniooWebhookStatus, {
      strict: false,
    });
    expect([strikes, refused]).toEqual([STRIKES, 100]);
    expect(attempts).toBe(EVENTS + EVENTS / 10);
    expect(errors).toBe(EVENTS / 10 + EVENTS / 100);
  });
});
