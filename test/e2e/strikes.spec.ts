import {
  All,
  Controller,
  Injectable,
  Module,
  NotFoundException,
  SetMetadata,
  UseInterceptors,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import {
  SkipThrottle,
  ThrottlerGuard,
  ThrottlerModule,
} from '@nestjs/throttler';
import { useContainer } from 'class-validator';
import type { ServerResponse } from 'node:http';
import { repeat, tap, timeout } from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  XENIOO_EVENT_NAMES,
  XeniooModule,
  XeniooWebhookStatus,
  type XeniooModuleOptions,
  type XeniooStrike,
} from '../../lib/index.js';
import {
  deliver,
  dispatched,
  idle,
  received,
  senderFor,
  xeniooEntry,
} from '../../lib/testing/index.js';
import { XeniooObservers } from '../../lib/handlers/xenioo.observers.js';
import {
  startWebhookHost,
  type WebhookHostMetadata,
} from '../support/start-webhook-host.js';
import { AcceptOnlyInbox } from '../support/accept-only-inbox.js';
import { startHost, type AdapterName } from '../support/host-app.js';
import { WAIT_OPTIONS } from '../support/wait-options.js';

const { userMessage } = xeniooEntry;

@Injectable()
class Alarm {
  readonly strikes: XeniooStrike[] = [];

  constructor(readonly status: XeniooWebhookStatus) {}

  @OnEvent(XENIOO_EVENT_NAMES.Strike)
  ring(strike: XeniooStrike): void {
    this.strikes.push(strike);
  }
}

async function start(
  adapter: AdapterName,
  options: Partial<XeniooModuleOptions> = {},
  { providers = [], ...hosted }: WebhookHostMetadata = {},
) {
  const host = await startWebhookHost(adapter, options, {
    ...hosted,
    imports: [EventEmitterModule.forRoot()],
    providers: [Alarm, ...providers],
  });
  const alarm = host.app.get(Alarm);
  return { ...host, alarm, status: alarm.status };
}

@Injectable()
class Throws implements NestInterceptor {
  intercept(): never {
    throw new Error('cache is down');
  }
}

@Injectable()
class ThrowsAfterwards implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(
      tap(() => {
        throw new Error('metrics are down');
      }),
    );
  }
}

@Injectable()
class Denies implements CanActivate {
  canActivate(): boolean {
    return false;
  }
}

@Controller()
class NotFoundPage {
  @All('*rest')
  answer(): never {
    throw new NotFoundException();
  }
}

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  it('logs the first, third, sixth, ninth and tenth strike with advice', async () => {
    const { sender, status, alarm, logs } = await start(adapter, {
      bodyLimit: 100,
    });
    const large = userMessage({ Data: 'x'.repeat(200) });

    for (let n = 1; n <= 12; n++) {
      expect(await sender.call(large)).toMatchObject({ status: 413 });
      expect(status.strikes).toBe(n);
    }

    const told = [1, 3, 6, 9, 10];
    expect(
      logs
        .ofXenioo('error')
        .map(line => Number(/^Strike (\d+)/.exec(line)?.[1])),
    ).toEqual(told);
    for (const line of logs.ofXenioo('error')) {
      expect(line).toContain('`bodyLimit` (100 bytes); raise the limit');
      expect(line).toMatch(/save and publish the bot/);
    }
    expect(alarm.strikes.map(({ strikes }) => strikes)).toEqual(told);
    expect(alarm.strikes[0]).toEqual({
      strikes: 1,
      status: 413,
      bot: 'default',
      reason: expect.stringContaining('bodyLimit') as string,
      at: expect.any(Date) as Date,
    });

    status.reset();
    expect(status.strikes).toBe(0);
    await sender.call(large);
    expect(alarm.strikes.at(-1)).toMatchObject({ strikes: 1 });
  });

  it('counts refused calls apart from strikes and keeps the time of the last accepted call', async () => {
    const { app, sender, status } = await start(adapter);
    expect(status).toMatchObject({
      strikes: 0,
      refused: 0,
      lastAcceptedAt: undefined,
      lastEventAt: undefined,
    });

    await sender.call(userMessage(), { authorization: 'Bearer wrong' });
    expect(status).toMatchObject({ strikes: 0, refused: 1 });

    await deliver(app, xeniooEntry.malformed('not-json'));
    expect(status.lastAcceptedAt).toBeInstanceOf(Date);
    expect(status.lastEventAt).toBeUndefined();

    await deliver(app, userMessage());
    expect(status.lastEventAt).toBe(status.lastAcceptedAt);
  });

  it('suspects the configured secret when no call was ever authenticated', async () => {
    const { sender, logs } = await start(adapter);

    const authorization = 'Bearer of-another-bot';
    for (let n = 1; n <= 5; n++) await sender.call([], { authorization });

    expect(logs.ofXenioo('error')).toEqual([
      expect.stringMatching(
        /Compare the configured secret with the API Secret of the bot.* stops calling after more than 10/,
      ),
    ]);
  });

  it('does not suspect the configured secret after an authenticated call', async () => {
    const { sender, logs } = await start(adapter);

    await sender.call([]);
    const authorization = 'Bearer of-a-scanner';
    for (let n = 1; n <= 5; n++) await sender.call([], { authorization });

    expect(logs.ofXenioo('error')).toEqual([]);
  });

  it('answers 503 when an interceptor of the host throws before the controller', async () => {
    const { sender, status, logs } = await start(
      adapter,
      {},
      { providers: [{ provide: APP_INTERCEPTOR, useClass: Throws }] },
    );

    expect(await sender.call(userMessage())).toMatchObject({ status: 503 });

    expect(status.strikes).toBe(1);
    expect(logs.ofXenioo('error')[0]).toMatch(
      /threw on a webhook call, which is answered 503: cache is down/,
    );
    expect(logs.ofXenioo('error')[1]).toMatch(/^Strike 1: answered 503/);
  });

  it('only logs an error of an interceptor after the answer', async () => {
    const { status, logs, app } = await start(
      adapter,
      { decorators: [UseInterceptors(ThrowsAfterwards)] },
      { providers: [ThrowsAfterwards] },
    );

    await deliver(app, userMessage());

    await idle(app);
    expect(status.strikes).toBe(0);
    expect(dispatched(app, 'CatchAllHandlers.save')).toHaveLength(1);
    await expect
      .poll(() => logs.ofXenioo('error'))
      .toEqual([
        expect.stringContaining('the answer is not affected: metrics are down'),
      ]);
  });

  it('answers by itself when an interceptor times out a call that is being accepted', async () => {
    let hasGivenUp = () => false;

    class Slow extends AcceptOnlyInbox {
      async accept() {
        await vi.waitUntil(() => hasGivenUp(), WAIT_OPTIONS);
      }
    }

    @Injectable()
    class GivesUp implements NestInterceptor {
      intercept(_context: ExecutionContext, next: CallHandler) {
        return next.handle().pipe(timeout(10));
      }
    }

    const { status, app, logs } = await start(
      adapter,
      {
        decorators: [UseInterceptors(GivesUp)],
        inbox: {
          useFactory: () => new Slow(),
        },
      },
      { providers: [GivesUp] },
    );
    hasGivenUp = () => /Timeout/.test(logs.ofXenioo('error').join());

    await deliver(app, userMessage());

    expect(status.strikes).toBe(0);
    expect(received(app)).toHaveLength(1);
  });

  it('accepts a call once when an interceptor runs the controller again', async () => {
    @Injectable()
    class Repeats implements NestInterceptor {
      intercept(_context: ExecutionContext, next: CallHandler) {
        return next.handle().pipe(repeat(3));
      }
    }

    const { status, app } = await start(
      adapter,
      { decorators: [UseInterceptors(Repeats)] },
      { providers: [Repeats] },
    );

    await deliver(app, userMessage());

    await idle(app);
    expect(dispatched(app, 'CatchAllHandlers.save')).toHaveLength(1);
    expect(status.strikes).toBe(0);
  });

  it('counts an answer that a middleware of the host gives instead', async () => {
    const { app, sender, status, logs } = await start(
      adapter,
      {},
      {
        prepare: host =>
          void host.use(
            (_request: unknown, response: ServerResponse) =>
              void response.writeHead(403).end(),
          ),
      },
    );

    expect(await sender.call(userMessage())).toMatchObject({ status: 403 });

    // On Fastify a middleware runs before the authentication: the call is unknown there.
    expect(status.strikes).toBe(adapter === 'express' ? 1 : 0);
    expect(logs.ofXenioo('error')).toHaveLength(status.strikes);
    expect(dispatched(app)).toEqual([]);
  });

  it('names the missing decorators when a global guard denies', async () => {
    const { sender, status, logs } = await start(
      adapter,
      {},
      { providers: [{ provide: APP_GUARD, useClass: Denies }] },
    );
    expect(logs.ofXenioo('warn')).toEqual([
      expect.stringMatching(/global guards.*decorators: \[Public\(\)\]/),
    ]);

    expect(await sender.call(userMessage())).toMatchObject({ status: 403 });

    expect(status.strikes).toBe(1);
    expect(logs.ofXenioo('error')).toEqual([
      expect.stringMatching(/^Strike 1: answered 403 .*`decorators: \[Public/),
    ]);
  });

  it('answers 503 when parsing fails and logs nothing of the body', async () => {
    const { sender, status, logs } = await start(adapter);
    useContainer({
      get() {
        throw new Error('no such provider for Anna');
      },
    });
    onTestFinished(() => useContainer({ get: type => new type() }));

    const wrong = { Type: 1, Data: ['Hello from Anna'] };
    expect(await sender.call(wrong)).toMatchObject({ status: 503 });

    expect(status.strikes).toBe(1);
    expect(logs.ofXenioo('error')).toEqual([
      expect.stringMatching(
        /^Handling a webhook call failed\. Please report it: Error\n {4}at /,
      ),
      expect.stringMatching(/^Strike 1: answered 503 /),
    ]);
    expect(JSON.stringify(logs.lines)).not.toContain('Anna');
  });

  it('keeps the answer of an accepted call when an observer fails', async () => {
    const { app, sender, status, logs } = await start(adapter);
    app.get(XeniooObservers, { strict: false }).add({
      deliveryAccepted() {
        throw new Error('the counter is down');
      },
    });

    expect(await sender.call(userMessage())).toMatchObject({ status: 200 });

    await idle(app);
    expect(status.strikes).toBe(0);
    expect(logs.ofXenioo('error')).toEqual([
      expect.stringContaining(
        '`deliveryAccepted()` of an observer failed; the delivery is not affected: the counter is down',
      ),
    ]);
  });

  describe('with ThrottlerGuard as a global guard', () => {
    const Public = () => SetMetadata('public', true);
    const startThrottled = (...decorators: ClassDecorator[]) =>
      startWebhookHost(
        adapter,
        { decorators },
        {
          imports: [ThrottlerModule.forRoot([{ ttl: 600_000, limit: 1 }])],
          providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
        },
      );

    it('warns at boot and names SkipThrottle() when it denies', async () => {
      const { sender, logs } = await startThrottled(Public());
      expect(logs.ofXenioo('warn')).toEqual([
        expect.stringMatching(/ThrottlerGuard.*decorators: \[SkipThrottle\(\)/),
      ]);

      expect(await sender.call(userMessage())).toMatchObject({ status: 200 });
      expect(await sender.call(userMessage())).toMatchObject({ status: 429 });

      expect(logs.ofXenioo('error')).toEqual([
        expect.stringMatching(
          /^Strike 1: answered 429 .*`decorators: \[SkipThrottle\(\)\]`/,
        ),
      ]);
    });

    it('does not warn with SkipThrottle()', async () => {
      const { logs } = await startThrottled(Public(), SkipThrottle());

      expect(logs.ofXenioo('warn')).toEqual([]);
    });
  });
});

// Fastify prefers the route without a wildcard.
describe('on express, a route of the application with a wildcard', () => {
  it('is named when it is called instead of the webhook', async () => {
    const { app, logs } = await startHost('express', {
      imports: [XeniooModule.forRoot({ secret: 'secret' })],
      controllers: [NotFoundPage],
    });
    const sender = await senderFor(app);

    expect(await sender.call(userMessage())).toMatchObject({ outcome: 404 });
    expect(logs.ofXenioo('error')).toEqual([
      expect.stringContaining(
        'Strike 1: answered 404 to bot default: the route /*rest of the application matches the webhook',
      ),
    ]);
  });

  it('is not called in a module that is imported after XeniooModule', async () => {
    @Module({ controllers: [NotFoundPage] })
    class PagesModule {}
    const { app } = await startHost('express', {
      imports: [XeniooModule.forRoot({ secret: 'secret' }), PagesModule],
    });
    const sender = await senderFor(app);

    expect(await sender.call(userMessage())).toMatchObject({ outcome: 200 });
  });
});
