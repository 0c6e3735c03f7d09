import { gunzipSync, gzipSync } from 'node:zlib';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type {
  XeniooCallOptions,
  XeniooSenderOptions,
} from '../../../lib/simulator/xenioo.sender-options.js';
import { XeniooSender } from '../../../lib/simulator/xenioo.sender.js';
import { freePort } from '../../support/engines/free-port.js';
import { serve } from '../../support/serve.js';
import { OK, onRequest, serveRaw } from '../../support/serve-raw.js';

function senderTo(
  url: string,
  options: Partial<XeniooSenderOptions> = {},
): XeniooSender {
  const sender = new XeniooSender({ url, secret: 'right-secret', ...options });
  onTestFinished(() => sender.close());
  return sender;
}

/** Request that a server received. */
interface ReceivedRequest {
  readonly request: IncomingMessage;
  readonly body: Buffer;
}

async function serveRecording(
  answer: RequestListener = (_request, response) => response.end(),
) {
  const seen: ReceivedRequest[] = [];
  const { url } = await serve((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      seen.push({ request, body: Buffer.concat(chunks) });
      answer(request, response);
    });
  });
  return { url, seen };
}

/** Sends one call and returns the request that the server received. */
async function sendAndReceive(
  body: unknown,
  call: XeniooCallOptions = {},
  options: Partial<XeniooSenderOptions> = {},
): Promise<ReceivedRequest> {
  const { url, seen } = await serveRecording();
  const answer = await senderTo(url, options).call(body, call);
  expect(answer.status).toBe(200);
  expect(seen).toHaveLength(1);
  return seen[0]!;
}

describe('XeniooSender.call()', () => {
  it('sends JSON by POST with the secret', async () => {
    const { request, body } = await sendAndReceive([
      { Type: 1, Data: 'Grüße 👋' },
    ]);

    expect(request.method).toBe('POST');
    expect(request.headers).toMatchObject({
      authorization: 'Bearer right-secret',
      'content-type': 'application/json',
      'content-length': String(body.length),
    });
    expect(body.toString()).toBe('[{"Type":1,"Data":"Grüße 👋"}]');
  });

  it('calls the path and query of the URL', async () => {
    const { url, seen } = await serveRecording();
    await senderTo(`${url}/xenioo/webhook?a=b%20c`).call({});

    expect(seen[0]!.request.url).toBe('/xenioo/webhook?a=b%20c');
  });

  it.each([
    ['a string', 'no JSON: é', 'no JSON: é'],
    ['an empty string', '', ''],
    ['bytes', Buffer.from([0xff, 0x00, 0x7b]), Buffer.from([0xff, 0x00, 0x7b])],
    ['an Uint8Array', new Uint8Array([1, 2]), Buffer.from([1, 2])],
    ['null', null, 'null'],
    ['a number', 42, '42'],
  ])('sends %s unchanged', async (_name, body, expected) => {
    const seen = await sendAndReceive(body);

    expect(seen.body).toEqual(Buffer.from(expected));
    expect(seen.request.headers['content-length']).toBe(
      String(seen.body.length),
    );
  });

  it('sends a gzip body unchanged', async () => {
    const { request, body } = await sendAndReceive(gzipSync('{"Type":1}'), {
      headers: { 'Content-Encoding': 'gzip' },
    });

    expect(request.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(body).toString()).toBe('{"Type":1}');
  });

  it.each(['Grüße, 世界 👋', 'é', '', 'x'])(
    'sends a chunked body without Content-Length on request: %o',
    async text => {
      const { request, body } = await sendAndReceive(text, { chunked: true });

      expect(request.headers).toMatchObject({ 'transfer-encoding': 'chunked' });
      expect(request.headers).not.toHaveProperty('content-length');
      expect(body.toString()).toBe(text);
    },
  );

  it('sends several chunks on request', async () => {
    let text = '';
    const { url } = await serveRaw(socket =>
      socket.on('data', bytes => {
        text += bytes.toString();
        if (text.endsWith('0\r\n\r\n')) socket.write(OK);
      }),
    );
    await senderTo(url).call('abcdef', { chunked: true });

    expect(text.split('\r\n\r\n')[1]).toBe('3\r\nabc\r\n3\r\ndef\r\n0');
  });

  it('sends another Authorization header, or none', async () => {
    const other = await sendAndReceive({}, { authorization: 'Basic abc' });
    expect(other.request.headers.authorization).toBe('Basic abc');

    const none = await sendAndReceive({}, { authorization: null });
    expect(none.request.headers).not.toHaveProperty('authorization');

    const empty = await sendAndReceive({}, { authorization: '' });
    expect(empty.request.headers.authorization).toBe('');
  });

  it('sends headers of the sender and of the call in any case and omits those set to null', async () => {
    const { request } = await sendAndReceive(
      {},
      { headers: { 'x-ONE': null, 'X-Two': 'mine', 'CONTENT-TYPE': null } },
      { headers: { 'X-One': '1', 'x-two': '2', 'X-Three': '3' } },
    );

    expect(request.headers).not.toHaveProperty('x-one');
    expect(request.headers).not.toHaveProperty('content-type');
    expect(request.headers).toMatchObject({ 'x-two': 'mine', 'x-three': '3' });
  });

  it("sends the Content-Type of the sender's headers in any case", async () => {
    const { request } = await sendAndReceive(
      {},
      {},
      { headers: { 'Content-type': 'text/plain' } },
    );

    expect(
      request.rawHeaders.filter(name => /^content-type$/i.test(name)),
    ).toHaveLength(1);
    expect(request.headers['content-type']).toBe('text/plain');
  });

  it.each([undefined, () => {}, Symbol('x')])(
    'rejects a value that JSON does not support: %o',
    async body => {
      const sender = senderTo('http://127.0.0.1:1');

      await expect(sender.call(body)).rejects.toThrow(
        /^Expected an entry, a list of entries or a body as text, got /,
      );
      expect(sender.failures).toBe(0);
    },
  );

  it.each([0, -1, 1.5, NaN, Infinity, 2 ** 31])(
    'rejects a time-out of %d ms',
    async timeoutMs => {
      const sender = senderTo('http://127.0.0.1:1');

      await expect(sender.call({}, { timeoutMs })).rejects.toThrow(
        `XeniooSender.call(): expected \`timeoutMs\` to be a whole number from 1 to 2147483647, got ${timeoutMs}.`,
      );
      expect(sender.failures).toBe(0);
    },
  );
});

describe('XeniooSender.call() with an answer', () => {
  it('treats a 200 with any body as a success', async () => {
    const { url } = await serve((_request, response) => {
      response.writeHead(200, { 'X-Host': 'mine' }).end('Grüße');
    });

    const answer = await senderTo(url).call({});

    expect(answer).toMatchObject({
      outcome: 200,
      status: 200,
      body: 'Grüße',
      headers: { 'x-host': 'mine' },
    });
    expect(answer).not.toHaveProperty('failure');
    expect(answer.latencyMs).toBeGreaterThan(0);
  });

  it.each([201, 202, 204, 301, 302, 304, 307, 400, 401, 404, 413, 500, 503])(
    'treats %d as a failure and follows no redirect',
    async status => {
      const { url, seen } = await serveRecording((_request, response) => {
        response.writeHead(status, { location: '/elsewhere' }).end();
      });
      const sender = senderTo(url);

      expect(await sender.call({})).toMatchObject({
        outcome: status,
        status,
        failure: `was answered ${status}`,
      });
      expect(seen).toHaveLength(1);
      expect(sender.failuresLeft).toBe(9);
    },
  );

  it('keeps the first 64 KB of a long body', async () => {
    const { url } = await serve((_request, response) => {
      response.write('a'.repeat(65_535));
      response.write('é'.repeat(500_000));
      response.end('z');
    });
    const sender = senderTo(url);

    const answer = await sender.call({});
    expect(answer.status).toBe(200);
    expect(Buffer.byteLength(answer.body)).toBeLessThan(66_000);
    expect(answer.body.startsWith('a'.repeat(65_535))).toBe(true);

    expect((await sender.call({})).reusedConnection).toBe(true);
  });

  it('ignores early hints', async () => {
    const { url } = await serveRaw(socket =>
      onRequest(socket, () => socket.write(`HTTP/1.1 103 Early\r\n\r\n${OK}`)),
    );

    expect((await senderTo(url).call({})).outcome).toBe(200);
  });

  it('treats a protocol upgrade as a failure', async () => {
    const { url } = await serveRaw(socket =>
      onRequest(socket, () =>
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
        ),
      ),
    );

    expect((await senderTo(url).call({})).failure).toBe('was answered 101');
  });

  it.each([
    ['no valid HTTP', 'hello\r\n\r\n'],
    ['a broken header', 'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n'],
    [
      'a broken chunk',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz',
    ],
  ])(
    'treats an answer with %s as a failure and returns its code',
    async (_name, text) => {
      const { url } = await serveRaw(socket =>
        onRequest(socket, () => socket.write(text)),
      );
      const sender = senderTo(url);

      const answer = await sender.call({});
      expect(answer.outcome).toMatch(/^HPE_/);
      expect(answer.failure).toBe(`had no answer: ${answer.outcome}`);
      expect(answer).not.toHaveProperty('status');
      expect(sender.failures).toBe(1);
    },
  );

  it('accepts an answer that arrives before the body is sent', async () => {
    const { url } = await serveRaw(socket => {
      socket.once('data', () => {
        socket.write(
          'HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
        );
        socket.resume();
      });
    });

    expect((await senderTo(url).call('x'.repeat(5_000_000))).outcome).toBe(401);
  });
});

describe('XeniooSender.call() without an answer', () => {
  it('returns the code of the error', async () => {
    const sender = senderTo(`http://127.0.0.1:${await freePort()}`);

    expect(await sender.call({})).toMatchObject({
      outcome: 'ECONNREFUSED',
      failure: 'had no answer: ECONNREFUSED',
      reusedConnection: false,
    });
  });

  it('returns the code of the error for a host name with two addresses', async () => {
    const sender = senderTo(`http://localhost:${await freePort()}`);

    expect((await sender.call({})).outcome).toBe('ECONNREFUSED');
  });

  it.each(['end', 'resetAndDestroy'] as const)(
    'treats a connection that the server ends (%s) as a failure and calls once',
    async how => {
      const requests: string[] = [];
      const { url } = await serveRaw(socket =>
        onRequest(socket, request => {
          requests.push(request);
          socket[how]();
        }),
      );

      expect((await senderTo(url).call({})).outcome).toBe('ECONNRESET');
      expect(requests).toHaveLength(1);
    },
  );

  it('times out on a silent server', async () => {
    const ended = vi.fn<() => void>();
    const { url } = await serveRaw(socket => {
      socket.resume().on('close', ended);
    });

    const answer = await senderTo(url, { timeoutMs: 50 }).call({});

    expect(answer).toMatchObject({
      outcome: 'timeout',
      failure: 'had no answer within 50 ms',
    });
    expect(answer.latencyMs).toBeGreaterThanOrEqual(49);
    await expect.poll(() => ended).toHaveBeenCalledOnce();
  });

  it('times out on an answer that arrives byte by byte', async () => {
    const { url } = await serveRaw(socket => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n');
        const drip = setInterval(() => socket.write('x'), 5);
        socket.on('close', () => clearInterval(drip));
      });
    });

    const answer = await senderTo(url).call({}, { timeoutMs: 60 });

    expect(answer).toMatchObject({
      outcome: 'timeout',
      failure: 'had no answer within 60 ms',
    });
    expect(answer).not.toHaveProperty('status');
  });

  it('times out on a reused connection and calls once', async () => {
    const requests: string[] = [];
    const { url } = await serveRaw(socket =>
      onRequest(socket, request => {
        requests.push(request);
        if (requests.length === 1) socket.write(OK);
      }),
    );
    const sender = senderTo(url);
    await sender.call({});

    expect(await sender.call({}, { timeoutMs: 50 })).toMatchObject({
      outcome: 'timeout',
      reusedConnection: true,
    });
    await expect.poll(() => requests).toHaveLength(2);
  });

  it('rejects with the reason of its signal and counts no failure', async () => {
    const { url } = await serveRaw(socket => {
      socket.once('data', () =>
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12'),
      );
    });
    const sender = senderTo(url);
    const reason = new Error('enough');

    const controller = new AbortController();
    const call = sender.call({}, { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 20);
    await expect(call).rejects.toBe(reason);
    await expect(
      sender.call({}, { signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason);
    expect(sender.failures).toBe(0);
  });
});

describe('XeniooSender connections', () => {
  /** Stops the clock, so that reconnects count as immediate on a slow machine. */
  function stopClock(): void {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
  }

  it('are reused between calls', async () => {
    const { url } = await serveRecording();
    const sender = senderTo(url);

    expect((await sender.call({})).reusedConnection).toBe(false);
    expect((await sender.call({})).reusedConnection).toBe(true);
  });

  it('are replaced after the server closes them', async () => {
    const { url } = await serveRecording((_request, response) => {
      response.writeHead(200, { connection: 'close' }).end();
    });
    const sender = senderTo(url);

    for (let call = 0; call < 3; call++) {
      expect(await sender.call({})).toMatchObject({
        outcome: 200,
        reusedConnection: false,
      });
    }
  });

  it.each(['end', 'resetAndDestroy'] as const)(
    'are no failure when the server closes them during a call (%s)',
    async how => {
      stopClock();
      let answered = 0;
      const { url } = await serveRaw(socket => {
        let requests = 0;
        onRequest(socket, () => {
          // The second request arrives on a connection that is about to close.
          if (++requests === 2) {
            socket[how]();
            return;
          }
          answered++;
          socket.write(OK);
        });
      });
      const sender = senderTo(url);

      for (let call = 0; call < 5; call++) {
        expect((await sender.call({})).outcome).toBe(200);
      }
      expect(answered).toBe(5);
      expect(sender.failures).toBe(0);
    },
  );

  it('are no failure when the server closes them all at once', async () => {
    stopClock();
    let isClosing = false;
    const { url } = await serveRaw(socket => {
      const isOld = !isClosing;
      onRequest(socket, () => {
        if (isClosing && isOld) socket.resetAndDestroy();
        else setTimeout(() => socket.write(OK), 20);
      });
    });
    const sender = senderTo(url);
    await Promise.all(Array.from({ length: 10 }, () => sender.call({})));
    isClosing = true;

    expect((await sender.call({})).outcome).toBe(200);
    expect(sender.failures).toBe(0);
  });

  it('are a failure when the server closes them after a while', async () => {
    const requests: string[] = [];
    const { url } = await serveRaw(socket =>
      onRequest(socket, request => {
        requests.push(request);
        if (requests.length === 2) {
          setTimeout(() => socket.resetAndDestroy(), 1_100);
        } else socket.write(OK);
      }),
    );
    const sender = senderTo(url);
    await sender.call({});

    expect((await sender.call({})).outcome).toBe('ECONNRESET');
    expect(requests).toHaveLength(2);
  });

  it('are a failure when they break in the middle of an answer', async () => {
    const requests: string[] = [];
    const { url } = await serveRaw(socket =>
      onRequest(socket, request => {
        requests.push(request);
        if (requests.length === 1) return socket.write(OK);
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345');
        return setTimeout(() => socket.resetAndDestroy(), 20);
      }),
    );
    const sender = senderTo(url);
    await sender.call({});

    expect(await sender.call({})).toMatchObject({
      outcome: 'ECONNRESET',
      failure: 'had no answer: ECONNRESET',
      reusedConnection: true,
    });
    expect(requests).toHaveLength(2);
  });

  it('are closed by close() and reopened by a later call', async () => {
    const closed = vi.fn<() => void>();
    const { url } = await serveRaw(socket => {
      onRequest(socket, () => socket.write(OK));
      socket.on('close', closed);
    });
    const sender = senderTo(url);
    await sender.call({});

    sender.close();
    await expect.poll(() => closed).toHaveBeenCalledOnce();
    expect(await sender.call({})).toMatchObject({
      outcome: 200,
      reusedConnection: false,
    });
  });
});

describe('XeniooSender over TLS', () => {
  async function serveTls(): Promise<{ url: string; cert: Buffer }> {
    const folder = await mkdtemp(join(tmpdir(), 'xenioo-tls-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const [keyFile, certFile] = [join(folder, 'key'), join(folder, 'cert')];
    const command = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost -keyout ${keyFile} -out ${certFile}`;
    await promisify(execFile)('openssl', command.split(' '));
    const [key, cert] = [await readFile(keyFile), await readFile(certFile)];
    const server = createHttpsServer({ key, cert }, (_request, response) => {
      response.end();
    });
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return { url: `https://127.0.0.1:${port}`, cert };
  }

  it('reports an untrusted certificate with its code', async () => {
    const { url } = await serveTls();

    expect(await senderTo(url).call({})).toMatchObject({
      outcome: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      failure: 'had no answer: DEPTH_ZERO_SELF_SIGNED_CERT',
    });
  });

  it('reports a server without TLS', async () => {
    const { url } = await serveRecording();

    const answer = await senderTo(url.replace('http:', 'https:')).call({});
    expect(answer.outcome).toMatch(/SSL|EPROTO/);
  });
});
