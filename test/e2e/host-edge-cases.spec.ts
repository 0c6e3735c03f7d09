import {
  Injectable,
  Module,
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
import { memoryInbox, OnXenioo, XeniooWebhookStatus } from '../../lib/index.js';
import {
  deliver,
  dispatched,
  idle,
  xeniooEntry,
} from '../../lib/testing/index.js';
import { startWebhookHost } from '../support/start-webhook-host.js';
import { senderAt } from '../support/sender-at.js';

const PATH = '/xenioo/webhook';
const { userMessage } = xeniooEntry;

interface RawRequest extends IncomingMessage {
  body?: unknown;
  rawBody?: unknown;
}

function drain(request: IncomingMessage): Promise<unknown> {
  return once(request.resume(), 'end');
}

describe('on Express', () => {
  it('reads the body from a parser that the host installed on the server', async () => {
    const server = new ExpressAdapter();
    server.useBodyParser('json', false);
    const { app } = await startWebhookHost(server);

    await deliver(app, userMessage({ Data: 'hello' }));

    await idle(app);
    expect(dispatched(app)).toMatchObject([{ event: { text: 'hello' } }]);
  });

  it('answers 503 and logs the reason when the body was consumed', async () => {
    const server = new ExpressAdapter();
    server.use(
      (request: IncomingMessage, _response: unknown, next: () => void) =>
        void drain(request).then(() => next()),
    );
    const { app, sender, logs } = await startWebhookHost(server);

    expect((await sender.call(userMessage())).status).toBe(503);

    expect(app.get(XeniooWebhookStatus).strikes).toBe(1);
    expect(logs.ofXenioo('error')[0]).toContain('read the body first');
  });

  it.each<[string, () => Promise<unknown>]>([
    ['at once', () => Promise.resolve()],
    ['later', () => new Promise(setImmediate)],
  ])(
    'answers when a middleware waits for the end of the body %s',
    async (_, begin) => {
      const { app, sender } = await startWebhookHost(
        'express',
        {},
        {
          prepare: host =>
            void host.use(
              async (
                request: RawRequest,
                _response: unknown,
                next: () => void,
              ) => {
                await begin();
                let text = '';
                request.on('data', chunk => (text += String(chunk)));
                request.on('end', () => {
                  request.rawBody = text;
                  next();
                });
              },
            ),
        },
      );

      for (const chunked of [false, true]) {
        const answer = await sender.call(userMessage(), { chunked });
        expect(answer.status).toBe(200);
      }

      await idle(app);
      expect(dispatched(app)).toHaveLength(2);
    },
  );

  it('emits the end of the body for a middleware that only listens to it', async () => {
    let ends = 0;
    const { sender } = await startWebhookHost(
      'express',
      {},
      {
        prepare: host =>
          void host.use(
            (request: RawRequest, _response: unknown, next: () => void) => {
              request.on('end', () => ends++);
              next();
            },
          ),
      },
    );

    for (const chunked of [false, true]) {
      await sender.call(userMessage(), { chunked });
    }

    await expect.poll(() => ends).toBe(2);
  });

  it('receives with a trailing slash under strict routing', async () => {
    const server = express().set('strict routing', true);
    const { url } = await startWebhookHost(
      new ExpressAdapter(server),
      {},
      { prepare: host => void host.setGlobalPrefix(':tenant') },
    );

    for (const path of ['', '/', '/?from=xenioo']) {
      for (const tenant of ['acme', '$&']) {
        const sender = senderAt(url(`/${tenant}${PATH}${path}`));
        const { status } = await sender.call([]);
        expect(status, `${tenant} ${path}`).toBe(200);
      }
    }
  });

  it('receives when the host rewrites the URL', async () => {
    const { url, app } = await startWebhookHost(
      'express',
      {},
      {
        prepare: host =>
          void host.use(
            (request: IncomingMessage, _: unknown, next: () => void) => {
              request.url = request.url?.replace('/proxy', '');
              next();
            },
          ),
      },
    );

    const sender = senderAt(url(`/proxy${PATH}`));
    expect((await sender.call(userMessage())).status).toBe(200);
    const refused = await sender.call(userMessage(), {
      authorization: 'Bearer wrong',
    });

    expect(refused.status).toBe(401);
    expect(refused.headers['www-authenticate']).toBe('Bearer');
    await idle(app);
    expect(dispatched(app)).toHaveLength(1);
  });
});

describe('on Fastify', () => {
  it('reads the body from a middleware that parsed it', async () => {
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

    const { app } = await startWebhookHost(
      'fastify',
      {},
      { imports: [ParserModule] },
    );

    await deliver(app, userMessage({ Data: 'hello' }));

    await idle(app);
    expect(dispatched(app)).toMatchObject([{ event: { text: 'hello' } }]);
  });

  it('answers over HTTP/2 and closes the stream of a refused caller', async () => {
    const { app, url } = await startWebhookHost(
      new FastifyAdapter({ http2: true }),
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

    await idle(app);
    expect(dispatched(app)).toHaveLength(2);
  });

  it.each([
    { routerOptions: { ignoreTrailingSlash: true } },
    { routerOptions: { ignoreTrailingSlash: false } },
  ])('receives with and without a trailing slash with %j', async options => {
    const { url } = await startWebhookHost(new FastifyAdapter(options));

    for (const path of [PATH, `${PATH}/`]) {
      expect((await senderAt(url(path)).call([])).status).toBe(200);
    }
  });
});

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  it('does not count a call that is pipelined behind a refused one', async () => {
    const { url, app } = await startWebhookHost(adapter);
    const { hostname, port } = new URL(url(PATH));
    const request = (secret: string) =>
      `POST ${PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${secret}\r\nContent-Length: 10\r\n\r\n{"Type":1}`;

    const socket = connect(Number(port), hostname);
    socket.write(request('wrong') + request('right-secret'));
    let answers = '';
    socket.on('data', data => (answers += String(data)));
    await once(socket, 'close');

    expect(answers.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 401']);
    await idle(app);
    expect(dispatched(app)).toEqual([]);
  });

  it('answers before blocking handlers start with `acknowledgeWithinMs: 0`', async () => {
    const order: string[] = [];

    @Injectable()
    class Blocks {
      @OnXenioo()
      handle() {
        order.push('handled');
      }
    }

    const { app } = await startWebhookHost(
      adapter,
      { inbox: memoryInbox({ acknowledgeWithinMs: 0 }) },
      {
        providers: [Blocks],
        prepare: host =>
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
      },
    );
    await deliver(app, [userMessage(), userMessage()], { grouped: 2 });
    await idle(app);

    expect(order).toEqual(['answered', 'handled', 'handled']);
  });

  it('handles the last accepted events when calls arrive until the server closes', async () => {
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

    const { app, sender, logs } = await startWebhookHost(
      adapter,
      {
        inbox: memoryInbox({ acknowledgeWithinMs: 0 }),
        shutdownTimeoutMs: 1_000,
      },
      { providers: [Slow] },
    );
    (app.getHttpServer() as Server).once('close', () => release());
    await deliver(app, userMessage());
    let accepted = 1;
    const closed = app.close();
    const sendUntilClosed = async (): Promise<void> => {
      const { status } = await sender.call(userMessage());
      accepted += Number(status === 200);
      if (status !== undefined) await sendUntilClosed();
    };
    await sendUntilClosed();
    await closed;

    expect(accepted).toBeGreaterThan(1);
    expect(handled).toBe(accepted);
    expect(logs.ofXenioo('warn')).toEqual([]);
  });
});
