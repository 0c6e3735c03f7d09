import { once } from 'node:events';
import {
  connect,
  constants,
  createServer,
  type IncomingHttpHeaders,
} from 'node:http2';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { answer } from '../../../lib/webhook/answer.js';
import { serve } from '../../support/serve.js';

type Status = Parameters<typeof answer>[1];

async function fetched(write: (response: ServerResponse) => void) {
  const { url } = await serve((_request, response) => write(response));
  const reply = await fetch(url);
  const { status, headers } = reply;
  return { status, headers, text: await reply.text() };
}

describe('an answer', () => {
  it.each([200, 401, 408, 413, 503] as Status[])(
    'of %i is empty',
    async status => {
      const reply = await fetched(response => answer(response, status));

      expect(reply).toMatchObject({ status, text: '' });
      expect(reply.headers.get('content-length')).toBe('0');
      expect(reply.headers.has('content-type')).toBe(false);
    },
  );

  it('of 400 tells what is wrong, as Nest does', async () => {
    const messages = ['entry 0: Data must be a string, got a ключ'];
    const reply = await fetched(response => answer(response, 400, messages));

    expect(reply.status).toBe(400);
    expect(reply.headers.get('content-type')).toBe('application/json');
    expect(JSON.parse(reply.text)).toEqual({
      statusCode: 400,
      message: messages,
      error: 'Bad Request',
    });
  });

  it.each([200, 400, 408, 413, 503] as Status[])(
    'of %i asks for no secret',
    async status => {
      const { headers } = await fetched(response => answer(response, status));

      expect(headers.has('www-authenticate')).toBe(false);
    },
  );

  it('of 401 asks for a secret', async () => {
    const { headers } = await fetched(response => answer(response, 401));

    expect(headers.get('www-authenticate')).toBe('Bearer');
  });
});

describe('the connection', () => {
  it.each([
    [200, 'keep-alive'],
    [400, 'keep-alive'],
    [503, 'keep-alive'],
    [401, 'close'],
    [408, 'close'],
    [413, 'close'],
  ] as [Status, string][])('after %i is %s', async (status, connection) => {
    const { headers } = await fetched(response => answer(response, status));

    expect(headers.get('connection')).toBe(connection);
  });

  it('of HTTP/2 has no such header', async () => {
    const server = createServer((_request, response) =>
      answer(response as unknown as ServerResponse, 401),
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
});

describe('a response that has its answer', () => {
  it('gets no second one', async () => {
    const reply = await fetched(response => {
      response.writeHead(202).end('host');
      answer(response, 503);
    });

    expect(reply).toMatchObject({ status: 202, text: 'host' });
  });

  it('may be gone', async () => {
    const { url } = await serve((_request, response) => {
      response.destroy();
      answer(response, 200);
    });

    await expect(fetch(url)).rejects.toThrow('fetch failed');
  });
});
