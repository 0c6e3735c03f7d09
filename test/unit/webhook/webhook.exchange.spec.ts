import { once } from 'node:events';
import { IncomingMessage, ServerResponse } from 'node:http';
import {
  connect,
  constants,
  createServer,
  type IncomingHttpHeaders,
} from 'node:http2';
import { Socket, type AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  attachExchange,
  exchangeOf,
  findExchange,
  rawRequest,
  rawResponse,
  WebhookExchange,
  writeAnswer,
} from '../../../lib/webhook/webhook.exchange.js';
import { senderAt } from '../../support/sender-at.js';
import { serve } from '../../support/serve.js';
import { startWebhookStatus } from '../../support/start-webhook-status.js';

const BOT = { name: 'support', secrets: ['right-secret'] };
const BODY = { text: '[]', isBase64: false };

interface ExchangeOptions {
  readonly isAuthenticated?: boolean;
  readonly timeoutMs?: number;
}

/** Sends one call, and returns the answer and the counted strikes. */
async function runExchange(
  steps: (exchange: WebhookExchange, response: ServerResponse) => void,
  { isAuthenticated = true, timeoutMs = 60_000 }: ExchangeOptions = {},
) {
  const { status, heard } = await startWebhookStatus();
  const closed: Promise<unknown>[] = [];
  const { url } = await serve((_request, response) => {
    closed.push(once(response, 'close'));
    const exchange = new WebhookExchange(response, status);
    if (isAuthenticated) {
      exchange.setBot(BOT);
      exchange.setBody(BODY, timeoutMs);
    }
    steps(exchange, response);
  });
  const { status: code, body: text, headers } = await senderAt(url).call([]);
  await Promise.all(closed);
  const strikes = heard.map(([, strike]) => strike);
  return { code, text, headers, status, strikes };
}

describe('WebhookExchange', () => {
  it('shows neither its body nor a secret when inspected', async () => {
    let printed = '';
    await runExchange(exchange => {
      printed = inspect(exchange, { depth: null, showHidden: true });
      exchange.accept(true);
    });

    expect(printed).toContain('WebhookExchange');
    expect(printed).not.toMatch(/right-secret|\[\]/);
  });

  it('passes its call to the controller once', async () => {
    const calls: unknown[] = [];
    await runExchange(exchange => {
      calls.push(exchange.isHandled, exchange.beginHandling());
      calls.push(exchange.isHandled, exchange.beginHandling());
      exchange.accept(true);
    });

    const call = { bot: BOT, body: BODY, receivedAt: expect.any(Date) };
    expect(calls).toEqual([false, call, true, undefined]);
  });

  it('passes no call to the controller after the host has answered', async () => {
    let call: unknown = 'not called';
    await runExchange((exchange, response) => {
      response.writeHead(200).end();
      call = exchange.beginHandling();
    });

    expect(call).toBeUndefined();
  });

  it('answers an accepted call 200 and records it', async () => {
    const { code, text, status } = await runExchange(exchange =>
      exchange.accept(true),
    );

    expect({ code, text }).toEqual({ code: 200, text: '' });
    expect(status.strikes).toBe(0);
    expect(status.lastEventAt).toBeInstanceOf(Date);
  });

  it('writes one answer and counts one strike', async () => {
    const { code, status, strikes } = await runExchange(exchange => {
      exchange.reject(503, 'the inbox is full');
      exchange.reject(400, 'too late');
      exchange.accept(true);
    });

    expect(code).toBe(503);
    expect(status.strikes).toBe(1);
    expect(status.lastAcceptedAt).toBeUndefined();
    expect(strikes).toMatchObject([
      { status: 503, bot: 'support', reason: 'the inbox is full' },
    ]);
  });

  it('counts no strike for a call that is not authenticated', async () => {
    const { code, status } = await runExchange(
      exchange => exchange.reject(503, 'reading failed'),
      { isAuthenticated: false },
    );

    expect(code).toBe(503);
    expect(status).toMatchObject({ strikes: 0, refused: 0 });
  });

  it('answers 401 to a refused call and counts it apart from strikes', async () => {
    const { code, headers, status } = await runExchange(
      exchange => exchange.refuse('missing', '203.0.113.7'),
      { isAuthenticated: false },
    );

    expect(code).toBe(401);
    expect(headers['www-authenticate']).toBe('Bearer');
    expect(status).toMatchObject({ strikes: 0, refused: 1 });
  });

  it.each([403, 500])(
    'counts an answer of %i by the host as a strike',
    async hostStatus => {
      const { status, strikes } = await runExchange((exchange, response) => {
        response.writeHead(hostStatus).end();
        exchange.accept(true);
      });

      expect(status.lastAcceptedAt).toBeUndefined();
      expect(strikes).toMatchObject([
        {
          strikes: 1,
          status: hostStatus,
          reason: expect.stringContaining(
            'answered before the module',
          ) as string,
        },
      ]);
    },
  );

  it('counts an answer as a strike although a middleware has set a route of its own', async () => {
    const { strikes } = await runExchange((_exchange, response) => {
      Object.assign(response.req, { route: { path: '/crm' } });
      response.writeHead(403).end();
    });

    expect(strikes).toMatchObject([{ strikes: 1, status: 403 }]);
  });

  it('counts no strike for an answer of 200 by the host', async () => {
    const { status } = await runExchange((_exchange, response) => {
      response.writeHead(200).end();
    });

    expect(status.strikes).toBe(0);
  });

  it('rejects a call that does not reach the controller in time', async () => {
    const { code, strikes } = await runExchange(() => {}, { timeoutMs: 20 });

    expect(code).toBe(503);
    expect(strikes).toMatchObject([
      {
        reason: expect.stringContaining(
          'the controller was not called within',
        ) as string,
      },
    ]);
  });

  it('does not limit the time of the controller', async () => {
    const { code, strikes } = await runExchange(
      exchange => {
        exchange.beginHandling();
        // Fires after the time-out, whose timer was set before.
        setTimeout(() => exchange.accept(true), 40);
      },
      { timeoutMs: 20 },
    );

    expect(code).toBe(200);
    expect(strikes).toEqual([]);
  });
});

const request = new IncomingMessage(new Socket());
const response = new ServerResponse(request);

describe('findExchange()', () => {
  const exchange = {} as WebhookExchange;
  const id = Symbol('xenioo/webhook');
  const ofHost = new IncomingMessage(new Socket());
  attachExchange(ofHost, id, exchange);

  it.each([
    ['Express', ofHost],
    ['Fastify', { raw: ofHost }],
  ])('finds the exchange of a request of %s', (_host, hostRequest) => {
    expect(findExchange(hostRequest, id)).toBe(exchange);
    expect(exchangeOf(hostRequest, id)).toBe(exchange);
  });

  it('does not find the exchange of another module instance', () => {
    const other = Symbol('xenioo/webhook');

    expect(findExchange(ofHost, other)).toBeUndefined();
    expect(() => exchangeOf(ofHost, other)).toThrow('guard');
  });
});

describe('rawRequest() and rawResponse()', () => {
  it('return those of Express unchanged', () => {
    expect(rawRequest(request)).toBe(request);
    expect(rawResponse(response)).toBe(response);
  });

  it('unwrap those of Fastify and hijack the reply', () => {
    let isHijacked = false;
    const reply = { raw: response, hijack: () => void (isHijacked = true) };

    expect(rawRequest({ raw: request })).toBe(request);
    expect(rawResponse(reply)).toBe(response);
    expect(isHijacked).toBe(true);
  });
});

async function fetchAnswer(write: (response: ServerResponse) => void) {
  const { url } = await serve((_request, toWrite) => write(toWrite));
  const reply = await fetch(url);
  const { status, headers } = reply;
  return { status, headers, text: await reply.text() };
}

describe('writeAnswer()', () => {
  it.each([200, 401, 408, 413, 503])(
    'writes an empty answer of %i',
    async status => {
      const reply = await fetchAnswer(toWrite => writeAnswer(toWrite, status));

      expect(reply).toMatchObject({ status, text: '' });
      expect(reply.headers.get('content-length')).toBe('0');
      expect(reply.headers.has('content-type')).toBe(false);
    },
  );

  it('writes a 400 that lists the problems in the format of Nest errors', async () => {
    const messages = ['entry 0: Data must be a string, got a ключ'];
    const reply = await fetchAnswer(toWrite =>
      writeAnswer(toWrite, 400, messages),
    );

    expect(reply.status).toBe(400);
    expect(reply.headers.get('content-type')).toBe('application/json');
    expect(JSON.parse(reply.text)).toEqual({
      statusCode: 400,
      message: messages,
      error: 'Bad Request',
    });
  });

  it.each([
    [200, null],
    [400, null],
    [401, 'Bearer'],
    [408, null],
    [413, null],
    [503, null],
  ])(
    'writes a %i with the WWW-Authenticate header %o',
    async (status, challenge) => {
      const reply = await fetchAnswer(toWrite => writeAnswer(toWrite, status));

      expect(reply.headers.get('www-authenticate')).toBe(challenge);
    },
  );

  it.each([
    [200, 'keep-alive'],
    [400, 'keep-alive'],
    [503, 'keep-alive'],
    [401, 'close'],
    [408, 'close'],
    [413, 'close'],
  ])(
    'writes a %i with the Connection header %s',
    async (status, connection) => {
      const reply = await fetchAnswer(toWrite => writeAnswer(toWrite, status));

      expect(reply.headers.get('connection')).toBe(connection);
    },
  );

  it('writes no Connection header over HTTP/2', async () => {
    const server = createServer((_request, toWrite) =>
      writeAnswer(toWrite as unknown as ServerResponse, 401),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = connect(`http://127.0.0.1:${port}`);
    onTestFinished(() => {
      client.destroy();
      server.close();
    });
    const [headers] = (await once(client.request(), 'response')) as [
      IncomingHttpHeaders,
    ];

    expect(headers[constants.HTTP2_HEADER_STATUS]).toBe(401);
    expect(headers['www-authenticate']).toBe('Bearer');
    expect(headers).not.toHaveProperty('connection');
  });

  it('does not overwrite an answer of the host', async () => {
    const reply = await fetchAnswer(toWrite => {
      toWrite.writeHead(202).end('host');
      expect(writeAnswer(toWrite, 503)).toBe(false);
    });

    expect(reply).toMatchObject({ status: 202, text: 'host' });
  });

  it('writes nothing to a closed connection', async () => {
    const { url } = await serve((_request, toWrite) => {
      toWrite.destroy();
      expect(writeAnswer(toWrite, 200)).toBe(false);
    });

    await expect(fetch(url)).rejects.toThrow('fetch failed');
  });
});
