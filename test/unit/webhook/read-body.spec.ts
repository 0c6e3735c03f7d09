import { once } from 'node:events';
import {
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http';
import { connect } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  markBodyConsumed,
  readBody,
  type ReadBody,
} from '../../../lib/webhook/read-body.js';
import { senderAt } from '../../support/sender-at.js';
import { serve } from '../../support/serve.js';

const TEXT = '{"Type":1,"Data":"Hello, Zoë 👋"}';

/** Starts a server that reads one call within these limits. */
async function startReader({ limitBytes = 1_000, timeoutMs = 60_000 } = {}) {
  let resolve: (body: ReadBody) => void;
  const body = new Promise<ReadBody>(r => (resolve = r));
  const { port } = await serve((request, response) => {
    void readBody(request, { limitBytes, timeoutMs }).then(read => {
      response.end();
      resolve(read);
    });
  });
  const open = (headers: OutgoingHttpHeaders = {}): ClientRequest => {
    const call = httpRequest({
      port,
      host: '127.0.0.1',
      method: 'POST',
      headers,
    });
    call.on('error', () => {});
    onTestFinished(() => void call.destroy());
    return call;
  };
  return { port, body, open };
}

async function sendAndRead(
  bytes: string | Buffer,
  {
    headers = {},
    ...limits
  }: { headers?: OutgoingHttpHeaders; limitBytes?: number } = {},
): Promise<ReadBody> {
  const { body, open } = await startReader(limits);
  open(headers).end(bytes);
  return body;
}

const read = (text: string) => ({ outcome: 'read', text, isBase64: false });
const kept = (bytes: Buffer) => ({
  outcome: 'read',
  text: bytes.toString('base64'),
  isBase64: true,
});

describe('readBody()', () => {
  it.each([
    'application/json',
    'application/json; charset=latin1',
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'nonsense',
    '',
  ])('reads a body with a content type of %o', async type => {
    const headers = { 'content-type': type };

    expect(await sendAndRead(TEXT, { headers })).toEqual(read(TEXT));
  });

  it('reads a body without a content type', async () => {
    expect(await sendAndRead(TEXT)).toEqual(read(TEXT));
  });

  it('reads an empty body', async () => {
    expect(await sendAndRead('')).toEqual(read(''));
  });

  it('reads a body whose chunks split a character', async () => {
    const { body, open } = await startReader();
    const call = open();
    for (const byte of Buffer.from(TEXT)) call.write(Buffer.of(byte));
    call.end();

    expect(await body).toEqual(read(TEXT));
  });
});

describe('readBody() of a body that arrives together with its head', () => {
  const call = (text: string) =>
    `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;

  /** Sends the calls in one write and reads each, after the host has run `before`. */
  async function readTogether(
    texts: string[],
    before: (request: IncomingMessage) => void = () => {},
  ) {
    const reading: Promise<unknown>[] = [];
    const { port } = await serve((request, response) => {
      before(request);
      const limits = { limitBytes: 1_000, timeoutMs: 60_000 };
      // The gate also pauses the request, to authenticate the caller first.
      if (request.readableFlowing) request.pause();
      const body = Promise.resolve().then(() => readBody(request, limits));
      reading.push(body.finally(() => response.end()));
    });
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.write(texts.map(call).join(''));
    await expect.poll(() => reading.length).toBe(texts.length);
    return Promise.all(reading);
  }

  it('reads it', async () => {
    expect(await readTogether([TEXT])).toEqual([read(TEXT)]);
    expect(await readTogether([''])).toEqual([read('')]);
  });

  it('reads it when further calls follow on the connection', async () => {
    const texts = [TEXT, '', '[]', TEXT];

    expect(await readTogether(texts)).toEqual(texts.map(read));
  });

  it('reads it when the host listens to the request', async () => {
    const received: string[] = [];
    const listen = (request: IncomingMessage) =>
      void request.on('data', chunk => received.push(String(chunk)));

    expect(await readTogether([TEXT], listen)).toEqual([read(TEXT)]);
    expect(received).toEqual([TEXT]);
  });

  it('reports it as consumed when the host has begun to read it', async () => {
    const received: string[] = [];
    const listen = (request: IncomingMessage) =>
      process.nextTick(() =>
        request.on('data', chunk => received.push(String(chunk))),
      );

    expect(await readTogether([TEXT], listen)).toEqual([
      { outcome: 'consumed' },
    ]);
    expect(received).toEqual([TEXT]);
  });

  it('reads it when the host has set an encoding', async () => {
    const setEncoding = (request: IncomingMessage) =>
      void request.setEncoding('utf8');

    expect(await readTogether([TEXT], setEncoding)).toEqual([read(TEXT)]);
  });

  it('emits its end to listeners that are added later', async () => {
    const requests: IncomingMessage[] = [];
    await readTogether([TEXT], request => void requests.push(request));

    await expect(once(requests[0]!.resume(), 'end')).resolves.toEqual([]);
  });

  it('reads it without a timer', async () => {
    const setTimeout = vi.spyOn(globalThis, 'setTimeout');
    onTestFinished(() => setTimeout.mockRestore());

    await readTogether([TEXT]);

    expect(setTimeout.mock.calls.map(([, ms]) => ms)).not.toContain(60_000);
  });
});

describe('readBody() at the limit', () => {
  const limitBytes = 500;
  const ofSize = (size: number) => 'x'.repeat(size);

  it('accepts a body of exactly the limit', async () => {
    const text = ofSize(limitBytes);

    expect(await sendAndRead(text, { limitBytes })).toEqual(read(text));
  });

  it('rejects a body of one byte more', async () => {
    expect(await sendAndRead(ofSize(501), { limitBytes })).toEqual({
      outcome: 'too-large',
    });
  });

  it('measures bytes, not characters', async () => {
    expect(await sendAndRead('ë'.repeat(251), { limitBytes })).toEqual({
      outcome: 'too-large',
    });
  });

  it('rejects a body as soon as its Content-Length exceeds the limit', async () => {
    const { body, open } = await startReader({ limitBytes });
    open({ 'content-length': 501 }).flushHeaders();

    expect(await body).toEqual({ outcome: 'too-large' });
  });

  it('rejects a body without a length as soon as too many bytes have arrived', async () => {
    const { body, open } = await startReader({ limitBytes });
    const call = open();
    call.write(ofSize(300));
    call.write(ofSize(300));

    expect(await body).toEqual({ outcome: 'too-large' });
  });
});

describe('readBody() of a compressed body', () => {
  it.each([
    ['gzip', gzipSync],
    ['GZIP', gzipSync],
    [' gzip ', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('reads one of encoding %o', async (encoding, compress) => {
    const headers = { 'content-encoding': encoding };

    expect(await sendAndRead(compress(TEXT), { headers })).toEqual(read(TEXT));
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])(
    'limits the decompressed size of encoding %s',
    async (encoding, compress) => {
      const headers = { 'content-encoding': encoding };
      const limitBytes = 100_000;
      const fits = 'x'.repeat(limitBytes);

      expect(
        await sendAndRead(compress(fits), { headers, limitBytes }),
      ).toEqual(read(fits));
      expect(
        await sendAndRead(compress(`${fits}x`), { headers, limitBytes }),
      ).toEqual({
        outcome: 'too-large',
      });
      const bomb = compress('x'.repeat(20_000_000));
      expect(bomb.length).toBeLessThan(limitBytes);
      expect(await sendAndRead(bomb, { headers, limitBytes })).toEqual({
        outcome: 'too-large',
      });
    },
  );

  it('reads it under a limit larger than any buffer', async () => {
    const headers = { 'content-encoding': 'gzip' };

    expect(
      await sendAndRead(gzipSync(TEXT), { headers, limitBytes: 2 ** 50 }),
    ).toEqual(read(TEXT));
  });

  it.each([
    ['gzip', TEXT],
    ['deflate', TEXT],
    ['br', TEXT],
    ['gzip', ''],
    ['identity', TEXT],
    ['zstd', TEXT],
    ['', TEXT],
  ])(
    'keeps the bytes of a body that claims encoding %o without using it',
    async (encoding, text) => {
      const headers = { 'content-encoding': encoding };

      expect(await sendAndRead(text, { headers })).toEqual(read(text));
    },
  );

  it('keeps the bytes of a truncated body', async () => {
    const headers = { 'content-encoding': 'gzip' };
    const bytes = gzipSync(TEXT).subarray(0, 20);

    expect(await sendAndRead(bytes, { headers })).toEqual(kept(bytes));
  });
});

describe('readBody() after the host has read the body', () => {
  const circle: unknown[] = [];
  circle.push(circle);

  async function readAfter(left: object, { isParsed = false } = {}) {
    let resolve: (body: Promise<ReadBody>) => void;
    const body = new Promise<ReadBody>(r => (resolve = r));
    const { url } = await serve((request, response) => {
      request.resume().once('end', () => {
        const limits = { limitBytes: 1_000, timeoutMs: 60_000 };
        const given = isParsed
          ? readBody(request, limits, left)
          : readBody(Object.assign(request, left), limits);
        resolve(given);
        response.end();
      });
    });
    const [read] = await Promise.all([
      body,
      fetch(url, { method: 'POST', body: TEXT }),
    ]);
    return read;
  }

  it.each([
    ['text', { body: TEXT }, TEXT],
    ['bytes', { body: Buffer.from(TEXT) }, TEXT],
    ['what it parsed', { body: JSON.parse(TEXT) as unknown }, TEXT],
    ['the raw body too', { body: {}, rawBody: Buffer.from(TEXT) }, TEXT],
    ['an empty text', { body: '' }, ''],
  ])('uses what the host left: %s', async (_what, left, text) => {
    expect(await readAfter(left)).toEqual(read(text));
    expect(await readAfter(left, { isParsed: true })).toEqual(read(text));
  });

  it.each([
    ['nothing', {}],
    ['null', { body: null }],
  ])(
    'reports the body as consumed when the host left %s',
    async (_what, left) => {
      expect(await readAfter(left)).toEqual({ outcome: 'consumed' });
      expect(await readAfter(left, { isParsed: true })).toEqual({
        outcome: 'consumed',
      });
    },
  );

  it.each([
    ['a circle', circle],
    ['a BigInt', 10n],
    ['a function', () => {}],
  ])(
    'reports the body as consumed when the host left neither text nor JSON: %s',
    async (_what, body) => {
      expect(await readAfter({ body })).toEqual({ outcome: 'consumed' });
    },
  );
});

describe('readBody() of a slow or aborted call', () => {
  it('times out when the caller sends nothing', async () => {
    const { body, open } = await startReader({ timeoutMs: 20 });
    open({ 'content-length': 10 }).flushHeaders();

    expect(await body).toEqual({ outcome: 'too-slow' });
  });

  it('times out when the caller stops midway', async () => {
    const { body, open } = await startReader({ timeoutMs: 20 });
    open().write(TEXT);

    expect(await body).toEqual({ outcome: 'too-slow' });
  });

  it('reports an abort when the caller closes the connection', async () => {
    const { port, body } = await startReader();
    const socket = connect(port, '127.0.0.1');
    socket.write(
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"Type"',
    );
    socket.end();

    expect(await body).toEqual({ outcome: 'aborted' });
  });

  it('reports an abort when the connection is reset', async () => {
    let resolve: (body: ReadBody) => void;
    const body = new Promise<ReadBody>(r => (resolve = r));
    const { port } = await serve(request => {
      const limits = { limitBytes: 100, timeoutMs: 60_000 };
      void readBody(request, limits).then(resolve);
      request.once('data', () => socket.resetAndDestroy());
    });
    const socket = connect(port, '127.0.0.1');
    socket.write(
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"Type"',
    );

    expect(await body).toEqual({ outcome: 'aborted' });
  });

  it('reports at once an abort that happened before reading began', async () => {
    let resolveAborted = (_request: IncomingMessage) => {};
    const abortedRequest = new Promise<IncomingMessage>(
      resolve => (resolveAborted = resolve),
    );
    const { port } = await serve(request => {
      request.on('error', () => {});
      request.once('close', () => resolveAborted(request));
    });
    const socket = connect(port, '127.0.0.1');
    socket.write(
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{"Ty',
      () => socket.destroy(),
    );

    const request = await abortedRequest;

    expect(
      await readBody(request, { limitBytes: 100, timeoutMs: 60_000 }),
    ).toEqual({ outcome: 'aborted' });
  });
});

it('readBody() calls each listener for the end of a body once, even one in pieces', async () => {
  const received: string[] = [];
  const { url } = await serve(async (request, response) => {
    await readBody(request, { limitBytes: 1_000, timeoutMs: 60_000 });
    await new Promise<void>(resolve =>
      request.on('end', () => resolve(void received.push('first'))),
    );
    await new Promise<void>(resolve =>
      request.once('end', () => resolve(void received.push('second'))),
    );
    await new Promise(setImmediate);
    response.end();
  });
  await senderAt(url).call({ Type: 1 }, { chunked: true });

  expect(received).toEqual(['first', 'second']);
});

describe('markBodyConsumed()', () => {
  /** Sends a request whose body is read and marked, and passes it to `use`. */
  async function useMarkedRequest<T>(
    use: (request: IncomingMessage) => Promise<T> | T,
  ) {
    let used!: T;
    const { url } = await serve(async (request, response) => {
      await once(request.resume(), 'end');
      markBodyConsumed(request);
      used = await use(request);
      response.end();
    });
    await senderAt(url).call({ Type: 1 });
    return used;
  }

  it('removes the body headers and keeps all others', async () => {
    const headers = await useMarkedRequest(request => ({ ...request.headers }));

    for (const name of ['type', 'length', 'encoding']) {
      expect(headers[`content-${name}`]).toBeUndefined();
    }
    expect(headers['transfer-encoding']).toBeUndefined();
    expect(headers.authorization).toBe('Bearer right-secret');
    expect(headers.host).toMatch(/^127\.0\.0\.1:/);
  });

  it('sets the body to an empty object', async () => {
    const request = await useMarkedRequest(each => each);

    expect(request).toHaveProperty('body', {});
  });

  it('leaves an empty stream', async () => {
    const chunks = await useMarkedRequest(async request => {
      const all: unknown[] = [];
      for await (const chunk of request) all.push(chunk);
      return all;
    });

    expect(chunks).toEqual([]);
  });
});
