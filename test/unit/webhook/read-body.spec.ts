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

/** Serves one call that is read within these limits. */
async function start({ limitBytes = 1_000, timeoutMs = 60_000 } = {}) {
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

async function sent(
  bytes: string | Buffer,
  {
    headers = {},
    ...limits
  }: { headers?: OutgoingHttpHeaders; limitBytes?: number } = {},
): Promise<ReadBody> {
  const { body, open } = await start(limits);
  open(headers).end(bytes);
  return body;
}

const read = (text: string) => ({ outcome: 'read', text, isBase64: false });
const kept = (bytes: Buffer) => ({
  outcome: 'read',
  text: bytes.toString('base64'),
  isBase64: true,
});

describe('a body', () => {
  it.each([
    'application/json',
    'application/json; charset=latin1',
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'nonsense',
    '',
  ])('is read with a content type of %o', async type => {
    const headers = { 'content-type': type };

    expect(await sent(TEXT, { headers })).toEqual(read(TEXT));
  });

  it('is read without a content type', async () => {
    expect(await sent(TEXT)).toEqual(read(TEXT));
  });

  it('may be empty', async () => {
    expect(await sent('')).toEqual(read(''));
  });

  it('may come in pieces that cut a letter in two', async () => {
    const { body, open } = await start();
    const call = open();
    for (const byte of Buffer.from(TEXT)) call.write(Buffer.of(byte));
    call.end();

    expect(await body).toEqual(read(TEXT));
  });
});

describe('a body that comes in one piece with its head', () => {
  const call = (text: string) =>
    `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;

  /** What is read of calls that come as one piece, by hosts that do this first. */
  async function readTogether(
    texts: string[],
    before: (request: IncomingMessage) => void = () => {},
  ) {
    const reading: Promise<unknown>[] = [];
    const { port } = await serve((request, response) => {
      before(request);
      const limits = { limitBytes: 1_000, timeoutMs: 60_000 };
      // As the gate does: the caller is authenticated first.
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

  it('is read', async () => {
    expect(await readTogether([TEXT])).toEqual([read(TEXT)]);
    expect(await readTogether([''])).toEqual([read('')]);
  });

  it('is read with calls behind it', async () => {
    const texts = [TEXT, '', '[]', TEXT];

    expect(await readTogether(texts)).toEqual(texts.map(read));
  });

  it('is read where something of the host listens to it', async () => {
    const heard: string[] = [];
    const listen = (request: IncomingMessage) =>
      void request.on('data', chunk => heard.push(String(chunk)));

    expect(await readTogether([TEXT], listen)).toEqual([read(TEXT)]);
    expect(heard).toEqual([TEXT]);
  });

  it('is consumed where something begins to read it before us', async () => {
    const heard: string[] = [];
    const listen = (request: IncomingMessage) =>
      process.nextTick(() =>
        request.on('data', chunk => heard.push(String(chunk))),
      );

    expect(await readTogether([TEXT], listen)).toEqual([
      { outcome: 'consumed' },
    ]);
    expect(heard).toEqual([TEXT]);
  });

  it('is read where something of the host has set an encoding', async () => {
    const setEncoding = (request: IncomingMessage) =>
      void request.setEncoding('utf8');

    expect(await readTogether([TEXT], setEncoding)).toEqual([read(TEXT)]);
  });

  it('leaves its end to listeners that come later', async () => {
    const requests: IncomingMessage[] = [];
    await readTogether([TEXT], request => void requests.push(request));

    await expect(once(requests[0]!.resume(), 'end')).resolves.toEqual([]);
  });

  it('is read without a timer', async () => {
    const setTimeout = vi.spyOn(globalThis, 'setTimeout');
    onTestFinished(() => setTimeout.mockRestore());

    await readTogether([TEXT]);

    expect(setTimeout.mock.calls.map(([, ms]) => ms)).not.toContain(60_000);
  });
});

describe('a body at the limit', () => {
  const limitBytes = 500;
  const ofSize = (size: number) => 'x'.repeat(size);

  it('is read', async () => {
    const text = ofSize(limitBytes);

    expect(await sent(text, { limitBytes })).toEqual(read(text));
  });

  it('is too large with one byte more', async () => {
    expect(await sent(ofSize(501), { limitBytes })).toEqual({
      outcome: 'too-large',
    });
  });

  it('is measured in bytes, not letters', async () => {
    expect(await sent('ë'.repeat(251), { limitBytes })).toEqual({
      outcome: 'too-large',
    });
  });

  it('is too large as soon as its head says so', async () => {
    const { body, open } = await start({ limitBytes });
    open({ 'content-length': 501 }).flushHeaders();

    expect(await body).toEqual({ outcome: 'too-large' });
  });

  it('is too large as soon as more has come, with no length told', async () => {
    const { body, open } = await start({ limitBytes });
    const call = open();
    call.write(ofSize(300));
    call.write(ofSize(300));

    expect(await body).toEqual({ outcome: 'too-large' });
  });
});

describe('a compressed body', () => {
  it.each([
    ['gzip', gzipSync],
    ['GZIP', gzipSync],
    [' gzip ', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('of encoding %o is read', async (encoding, compress) => {
    const headers = { 'content-encoding': encoding };

    expect(await sent(compress(TEXT), { headers })).toEqual(read(TEXT));
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])(
    'of encoding %s is limited after decompression',
    async (encoding, compress) => {
      const headers = { 'content-encoding': encoding };
      const limitBytes = 100_000;
      const fits = 'x'.repeat(limitBytes);

      expect(await sent(compress(fits), { headers, limitBytes })).toEqual(
        read(fits),
      );
      expect(await sent(compress(`${fits}x`), { headers, limitBytes })).toEqual(
        {
          outcome: 'too-large',
        },
      );
      const bomb = compress('x'.repeat(20_000_000));
      expect(bomb.length).toBeLessThan(limitBytes);
      expect(await sent(bomb, { headers, limitBytes })).toEqual({
        outcome: 'too-large',
      });
    },
  );

  it('is read under a limit larger than any buffer', async () => {
    const headers = { 'content-encoding': 'gzip' };

    expect(
      await sent(gzipSync(TEXT), { headers, limitBytes: 2 ** 50 }),
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
  ])('that says %o and is not, is kept as it came', async (encoding, text) => {
    const headers = { 'content-encoding': encoding };

    expect(await sent(text, { headers })).toEqual(read(text));
  });

  it('that was cut off keeps its bytes', async () => {
    const headers = { 'content-encoding': 'gzip' };
    const bytes = gzipSync(TEXT).subarray(0, 20);

    expect(await sent(bytes, { headers })).toEqual(kept(bytes));
  });
});

describe('a body that something of the host has read before', () => {
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
  ])('is taken from what that left: %s', async (_what, left, text) => {
    expect(await readAfter(left)).toEqual(read(text));
    expect(await readAfter(left, { isParsed: true })).toEqual(read(text));
  });

  it.each([
    ['nothing', {}],
    ['null', { body: null }],
  ])('is gone where that left %s', async (_what, left) => {
    expect(await readAfter(left)).toEqual({ outcome: 'consumed' });
    expect(await readAfter(left, { isParsed: true })).toEqual({
      outcome: 'consumed',
    });
  });

  it.each([
    ['a circle', circle],
    ['a BigInt', 10n],
    ['a function', () => {}],
  ])('is gone where it is no text and no JSON: %s', async (_what, body) => {
    expect(await readAfter({ body })).toEqual({ outcome: 'consumed' });
  });
});

describe('a caller', () => {
  it('that sends nothing is too slow', async () => {
    const { body, open } = await start({ timeoutMs: 20 });
    open({ 'content-length': 10 }).flushHeaders();

    expect(await body).toEqual({ outcome: 'too-slow' });
  });

  it('that stops half-way is too slow', async () => {
    const { body, open } = await start({ timeoutMs: 20 });
    open().write(TEXT);

    expect(await body).toEqual({ outcome: 'too-slow' });
  });

  it('that hangs up has broken off', async () => {
    const { port, body } = await start();
    const socket = connect(port, '127.0.0.1');
    socket.write(
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"Type"',
    );
    socket.end();

    expect(await body).toEqual({ outcome: 'aborted' });
  });

  it('whose connection is reset has broken off', async () => {
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

  it('that broke off before anybody read it is told at once', async () => {
    let tell = (_request: IncomingMessage) => {};
    const brokenOff = new Promise<IncomingMessage>(resolve => (tell = resolve));
    const { port } = await serve(request => {
      request.on('error', () => {});
      request.once('close', () => tell(request));
    });
    const socket = connect(port, '127.0.0.1');
    socket.write(
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{"Ty',
      () => socket.destroy(),
    );

    const request = await brokenOff;

    expect(
      await readBody(request, { limitBytes: 100, timeoutMs: 60_000 }),
    ).toEqual({ outcome: 'aborted' });
  });
});

it('calls each listener for the end of a body in pieces once, though that came before', async () => {
  const heard: string[] = [];
  const { url } = await serve(async (request, response) => {
    await readBody(request, { limitBytes: 1_000, timeoutMs: 60_000 });
    await new Promise<void>(resolve =>
      request.on('end', () => resolve(void heard.push('first'))),
    );
    await new Promise<void>(resolve =>
      request.once('end', () => resolve(void heard.push('second'))),
    );
    await new Promise(setImmediate);
    response.end();
  });
  await senderAt(url).call({ Type: 1 }, { chunked: true });

  expect(heard).toEqual(['first', 'second']);
});

describe('a request whose body is marked as consumed', () => {
  /** Serves one request whose body was read and marked. */
  async function marked<T>(use: (request: IncomingMessage) => Promise<T> | T) {
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

  it('has no header of a body, and all others', async () => {
    const headers = await marked(request => ({ ...request.headers }));

    for (const name of ['type', 'length', 'encoding']) {
      expect(headers[`content-${name}`]).toBeUndefined();
    }
    expect(headers['transfer-encoding']).toBeUndefined();
    expect(headers.authorization).toBe('Bearer right-secret');
    expect(headers.host).toMatch(/^127\.0\.0\.1:/);
  });

  it('has an empty object as its body', async () => {
    const request = await marked(each => each);

    expect(request).toHaveProperty('body', {});
  });

  it('is an empty stream', async () => {
    const chunks = await marked(async request => {
      const all: unknown[] = [];
      for await (const chunk of request) all.push(chunk);
      return all;
    });

    expect(chunks).toEqual([]);
  });
});
