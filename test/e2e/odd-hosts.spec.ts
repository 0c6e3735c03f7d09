import {
  Injectable,
  Module,
  type INestApplication,
  type MiddlewareConsumer,
  type NestModule,
} from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import express from 'express';
import { once } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import {
  connect as connectHttp2,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { OnXenioo, XeniooHookStatus, XeniooModule } from '../../lib/index.js';
import { call } from '../support/call.js';
import { Handled } from '../support/handled.js';
import { startHost } from '../support/host-app.js';

const METADATA = {
  imports: [XeniooModule.forRoot({ secret: 'right-secret' })],
  providers: [Handled],
};

const PATH = '/xenioo/webhook';

interface RawRequest extends IncomingMessage {
  body?: unknown;
  rawBody?: unknown;
}

function drain(request: IncomingMessage): Promise<unknown> {
  return once(request.resume(), 'end');
}

describe('on Express', () => {
  it('takes what a parser left that the host put into the server itself', async () => {
    const server = new ExpressAdapter();
    server.useBodyParser('json', false);
    const { url, app, idle } = await startHost(server, METADATA);

    expect((await call(url(PATH), { Type: 1, Data: 'hello' })).status).toBe(
      200,
    );

    await idle();
    expect(app.get(Handled).events).toMatchObject([{ text: 'hello' }]);
  });

  it('answers 503, and says why, where nothing is left of the body', async () => {
    const server = new ExpressAdapter();
    server.use(
      (request: IncomingMessage, _response: unknown, next: () => void) =>
        void drain(request).then(() => next()),
    );
    const { url, app, logs } = await startHost(server, METADATA);

    expect((await call(url(PATH), { Type: 1 })).status).toBe(503);

    expect(app.get(XeniooHookStatus).strikes).toBe(1);
    expect(logs.ofXenioo('error')[0]).toContain('read its body before');
  });

  it('answers where a middleware waits for the end of the body', async () => {
    const { url, app, idle } = await startHost(
      'express',
      METADATA,
      (host: INestApplication) =>
        void host.use(
          (request: RawRequest, _response: unknown, next: () => void) => {
            let text = '';
            request.on('data', chunk => (text += String(chunk)));
            request.on('end', () => {
              request.rawBody = text;
              next();
            });
          },
        ),
    );

    expect((await call(url(PATH), { Type: 1 })).status).toBe(200);

    await idle();
    expect(app.get(Handled).events).toHaveLength(1);
  });

  it('receives with a trailing slash where Express is strict', async () => {
    const server = express().set('strict routing', true);
    const { url } = await startHost(
      new ExpressAdapter(server),
      METADATA,
      host => host.setGlobalPrefix(':tenant'),
    );

    for (const path of ['', '/', '/?from=xenioo']) {
      for (const tenant of ['acme', '$&']) {
        const answer = await call(url(`/${tenant}${PATH}${path}`), []);
        expect(answer.status, `${tenant} ${path}`).toBe(200);
      }
    }
  });

  it('receives where the host rewrites the URL', async () => {
    const { url, app, idle } = await startHost(
      'express',
      METADATA,
      (host: INestApplication) =>
        void host.use(
          (request: IncomingMessage, _response: unknown, next: () => void) => {
            request.url = request.url?.replace('/proxy', '');
            next();
          },
        ),
    );

    expect((await call(url(`/proxy${PATH}`), { Type: 1 })).status).toBe(200);
    const refused = await call(
      url(`/proxy${PATH}`),
      { Type: 1 },
      { authorization: 'Bearer wrong' },
    );

    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer');
    await idle();
    expect(app.get(Handled).events).toHaveLength(1);
  });
});

describe('on Fastify', () => {
  it('takes what a middleware left of the body', async () => {
    @Module({})
    class ParserModule implements NestModule {
      configure(consumer: MiddlewareConsumer) {
        consumer
          .apply(
            (request: RawRequest, _response: unknown, next: () => void) => {
              let text = '';
              request.on('data', chunk => (text += String(chunk)));
              request.on('end', () => {
                request.body = JSON.parse(text);
                next();
              });
            },
          )
          .forRoutes('*path');
      }
    }

    const { url, app, idle } = await startHost('fastify', {
      ...METADATA,
      imports: [ParserModule, ...METADATA.imports],
    });

    expect((await call(url(PATH), { Type: 1, Data: 'hello' })).status).toBe(
      200,
    );

    await idle();
    expect(app.get(Handled).events).toMatchObject([{ text: 'hello' }]);
  });

  it('answers over HTTP/2, and keeps no stream of a refused caller open', async () => {
    const { app, url, idle } = await startHost(
      new FastifyAdapter({ http2: true }),
      METADATA,
    );
    const server = app.getHttpServer() as Http2Server;
    const session = connectHttp2(url(''));
    onTestFinished(() => session.destroy());
    const send = async (secret: string, body: string, isWhole: boolean) => {
      const opened = once(server, 'stream') as Promise<[ServerHttp2Stream]>;
      const request = session.request({
        ':method': 'POST',
        ':path': PATH,
        authorization: `Bearer ${secret}`,
      });
      const answered = once(request.resume(), 'response') as Promise<
        [IncomingHttpHeaders]
      >;
      request.write(body);
      if (isWhole) request.end();
      const [stream] = await opened;
      await once(stream, 'close');
      const [headers] = await answered;
      return headers[':status'];
    };

    expect(await send('right-secret', '{"Type":1}', true)).toBe(200);
    expect(await send('wrong', '{"Type":1', false)).toBe(401);
    expect(await send('right-secret', '{"Type":1}', true)).toBe(200);

    await idle();
    expect(app.get(Handled).events).toHaveLength(2);
  });

  it.each([
    { routerOptions: { ignoreTrailingSlash: true } },
    { routerOptions: { ignoreTrailingSlash: false } },
  ])('receives with and without a trailing slash under %j', async options => {
    const { url } = await startHost(new FastifyAdapter(options), METADATA);

    expect((await call(url(PATH), [])).status).toBe(200);
    expect((await call(url(`${PATH}/`), [])).status).toBe(200);
  });
});

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  it('counts nothing that is pipelined behind a refused call', async () => {
    const { url, app, idle } = await startHost(adapter, METADATA);
    const { hostname, port } = new URL(url(PATH));
    const request = (secret: string) =>
      `POST ${PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${secret}\r\nContent-Length: 10\r\n\r\n{"Type":1}`;

    const socket = connect(Number(port), hostname);
    socket.write(request('wrong') + request('right-secret'));
    let answers = '';
    socket.on('data', data => (answers += String(data)));
    await once(socket, 'close');

    expect(answers.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 401']);
    await idle();
    expect(app.get(Handled).events).toEqual([]);
  });

  it('answers before handlers that block begin, where acknowledgeWithinMs is 0', async () => {
    const order: string[] = [];

    @Injectable()
    class Blocks {
      @OnXenioo()
      handle() {
        order.push('handled');
      }
    }

    const { url, idle } = await startHost(
      adapter,
      {
        imports: [
          XeniooModule.forRoot({
            secret: 'right-secret',
            acknowledgeWithinMs: 0,
          }),
        ],
        providers: [Blocks],
      },
      (host: INestApplication) =>
        void host.use(
          (
            _request: unknown,
            response: { end: (...values: unknown[]) => unknown },
            next: () => void,
          ) => {
            const end = response.end.bind(response);
            response.end = (...values) => {
              order.push('answered');
              return end(...values);
            };
            next();
          },
        ),
    );
    await call(url(PATH), [{ Type: 1 }, { Type: 1 }]);
    await idle();

    expect(order).toEqual(['answered', 'handled', 'handled']);
  });

  it('handles what it took last, though calls come until the server closes', async () => {
    let handled = 0;
    let release = () => {};
    const released = new Promise<void>(resolve => (release = resolve));

    @Injectable()
    class Slow {
      @OnXenioo()
      async handle() {
        await released;
        handled++;
      }
    }

    const { url, app, logs } = await startHost(adapter, {
      imports: [
        XeniooModule.forRoot({
          secret: 'right-secret',
          acknowledgeWithinMs: 0,
          shutdownTimeoutMs: 1_000,
        }),
      ],
      providers: [Slow],
    });
    (app.getHttpServer() as Server).once('close', () => release());
    await call(url(PATH), { Type: 1 });
    let accepted = 1;
    const closed = app.close();
    const sendUntilClosed = async (): Promise<void> => {
      const { status } = await call(url(PATH), { Type: 1 });
      accepted += Number(status === 200);
      await sendUntilClosed();
    };
    await sendUntilClosed().catch(() => closed);
    await closed;

    expect(accepted).toBeGreaterThan(1);
    expect(handled).toBe(accepted);
    expect(logs.ofXenioo('warn')).toEqual([]);
  });
});
