import {
  Injectable,
  UseInterceptors,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type INestApplication,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import type { ServerResponse } from 'node:http';
import { repeat, tap, timeout } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import {
  MemoryInbox,
  XENIOO_EVENT_NAMES,
  XeniooHookStatus,
  XeniooModule,
  type XeniooDelivery,
  type XeniooModuleOptions,
  type XeniooStrike,
} from '../../lib/index.js';
import { call } from '../support/call.js';
import { Handled } from '../support/handled.js';
import { startHost, type AdapterName } from '../support/host-app.js';

const PATH = '/xenioo/webhook';

@Injectable()
class Alarm {
  readonly strikes: XeniooStrike[] = [];

  constructor(readonly status: XeniooHookStatus) {}

  @OnEvent(XENIOO_EVENT_NAMES.Strike)
  ring(strike: XeniooStrike): void {
    this.strikes.push(strike);
  }
}

async function start(
  adapter: AdapterName,
  options: Partial<XeniooModuleOptions> = {},
  providers: object[] = [],
  prepare?: (app: INestApplication) => void,
) {
  const host = await startHost(
    adapter,
    {
      imports: [
        EventEmitterModule.forRoot(),
        XeniooModule.forRoot({ secret: 'right-secret', ...options }),
      ],
      providers: [Handled, Alarm, ...(providers as [])],
    },
    prepare,
  );
  const send = async (body: unknown, secret = 'right-secret') =>
    (await call(host.url(PATH), body, { authorization: `Bearer ${secret}` }))
      .status;
  const alarm = host.app.get(Alarm);
  return { ...host, send, alarm, status: alarm.status };
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

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  it('tells the first, third, sixth, ninth and tenth strike, and what to do', async () => {
    const { send, status, alarm, logs } = await start(adapter, {
      bodyLimit: 100,
    });
    const large = { Type: 1, Data: 'x'.repeat(200) };

    for (let n = 1; n <= 12; n++) {
      expect(await send(large)).toBe(413);
      expect(status.strikes).toBe(n);
    }

    const told = [1, 3, 6, 9, 10];
    expect(
      logs
        .ofXenioo('error')
        .map(line => Number(/^Strike (\d+)/.exec(line)?.[1])),
    ).toEqual(told);
    for (const line of logs.ofXenioo('error')) {
      expect(line).toContain('`bodyLimit` (100 bytes); raise it');
      expect(line).toMatch(/re-save and publish the bot/);
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
    await send(large);
    expect(alarm.strikes.at(-1)).toMatchObject({ strikes: 1 });
  });

  it('counts what it refused apart, and when it last accepted', async () => {
    const { send, status } = await start(adapter);
    expect(status).toMatchObject({
      strikes: 0,
      refused: 0,
      lastAcceptedAt: undefined,
      lastEventAt: undefined,
    });

    await send({ Type: 1 }, 'wrong');
    expect(status).toMatchObject({ strikes: 0, refused: 1 });

    await send('broken');
    expect(status.lastAcceptedAt).toBeInstanceOf(Date);
    expect(status.lastEventAt).toBeUndefined();

    await send({ Type: 1 });
    expect(status.lastEventAt).toBe(status.lastAcceptedAt);
  });

  it('says that the configured secret is probably wrong, where none was ever right', async () => {
    const { send, logs } = await start(adapter);

    for (let n = 1; n <= 5; n++) await send({ Type: 1 }, 'of-another-bot');

    expect(logs.ofXenioo('error')).toEqual([
      expect.stringMatching(
        /probably differs from the API Secret of the bot.* gives up after 10/,
      ),
    ]);
  });

  it('does not say so where one was right before', async () => {
    const { send, logs } = await start(adapter);

    await send([]);
    for (let n = 1; n <= 5; n++) await send({ Type: 1 }, 'of-a-scanner');

    expect(logs.ofXenioo('error')).toEqual([]);
  });

  it('answers 503 when an interceptor of the host throws before the controller', async () => {
    const { send, status, logs } = await start(adapter, {}, [
      { provide: APP_INTERCEPTOR, useClass: Throws },
    ]);

    expect(await send({ Type: 1 })).toBe(503);

    expect(status.strikes).toBe(1);
    expect(logs.ofXenioo('error')[0]).toMatch(
      /failed on a call: cache is down/,
    );
    expect(logs.ofXenioo('error')[1]).toMatch(/^Strike 1: answered 503/);
  });

  it('logs an interceptor that throws after the answer, and no more', async () => {
    const { send, status, logs, app, idle } = await start(
      adapter,
      { decorators: [UseInterceptors(ThrowsAfterwards)] },
      [ThrowsAfterwards],
    );

    expect(await send({ Type: 1 })).toBe(200);

    await idle();
    expect(status.strikes).toBe(0);
    expect(app.get(Handled).events).toHaveLength(1);
    await expect
      .poll(() => logs.ofXenioo('error'))
      .toEqual([
        expect.stringContaining('already taken or answered: metrics are down'),
      ]);
  });

  it('answers itself where an interceptor gives up on a call that is being accepted', async () => {
    let hasGivenUp = () => false;

    class Slow extends MemoryInbox {
      override async accept(delivery: XeniooDelivery) {
        await vi.waitUntil(() => hasGivenUp());
        await super.accept(delivery);
      }
    }

    @Injectable()
    class GivesUp implements NestInterceptor {
      intercept(_context: ExecutionContext, next: CallHandler) {
        return next.handle().pipe(timeout(10));
      }
    }

    const { send, status, idle, app, logs } = await start(
      adapter,
      {
        decorators: [UseInterceptors(GivesUp)],
        inbox: {
          useFactory: () =>
            new Slow({
              concurrency: 1,
              dedupe: false,
              maxPending: 10,
              acknowledgeWithinMs: 0,
              acceptTimeoutMs: 0,
            }),
        },
      },
      [GivesUp],
    );
    hasGivenUp = () => /Timeout/.test(logs.ofXenioo('error').join());

    expect(await send({ Type: 1 })).toBe(200);

    await idle();
    expect(status.strikes).toBe(0);
    expect(app.get(Handled).events).toHaveLength(1);
  });

  it('takes a call once, though an interceptor runs the controller again', async () => {
    @Injectable()
    class Repeats implements NestInterceptor {
      intercept(_context: ExecutionContext, next: CallHandler) {
        return next.handle().pipe(repeat(3));
      }
    }

    const { send, status, idle, app } = await start(
      adapter,
      { decorators: [UseInterceptors(Repeats)] },
      [Repeats],
    );

    expect(await send({ Type: 1 })).toBe(200);

    await idle();
    expect(app.get(Handled).events).toHaveLength(1);
    expect(status.strikes).toBe(0);
  });

  it('counts what a middleware of the host answers in its place', async () => {
    const { app, send, status, logs } = await start(
      adapter,
      {},
      [],
      host =>
        void host.use(
          (_request: unknown, response: ServerResponse) =>
            void response.writeHead(403).end(),
        ),
    );

    expect(await send({ Type: 1 })).toBe(403);

    // On Fastify a middleware stands before the gate: the call is unknown there.
    expect(status.strikes).toBe(adapter === 'express' ? 1 : 0);
    expect(logs.ofXenioo('error')).toHaveLength(status.strikes);
    expect(app.get(Handled).events).toEqual([]);
  });

  it('says which decorators are missing when a global guard denies', async () => {
    const { send, status, logs } = await start(adapter, {}, [
      { provide: APP_GUARD, useClass: Denies },
    ]);
    expect(logs.ofXenioo('warn')).toEqual([
      expect.stringMatching(/global guards.*decorators: \[Public\(\)\]/),
    ]);

    expect(await send({ Type: 1 })).toBe(403);

    expect(status.strikes).toBe(1);
    expect(logs.ofXenioo('error')).toEqual([
      expect.stringMatching(/^Strike 1: answered 403 .*`decorators: \[Public/),
    ]);
  });
});
