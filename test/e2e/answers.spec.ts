import { once } from 'node:events';
import { connect } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  XeniooInbox,
  XeniooInboxError,
  XeniooModule,
  type XeniooDelivery,
  type XeniooModuleOptions,
} from '../../lib/index.js';
import { call } from '../support/call.js';
import { Handled } from '../support/handled.js';
import { startHost, type AdapterName } from '../support/host-app.js';
import { NO_DEAD_LETTERS } from '../support/no-dead-letters.js';

const PATH = '/xenioo/webhook';
const EVENT = '{"Type":1,"Data":"Grüße 🎉"}';

async function start(
  adapter: AdapterName,
  options: Partial<XeniooModuleOptions> = {},
) {
  const host = await startHost(adapter, {
    imports: [XeniooModule.forRoot({ secret: 'right-secret', ...options })],
    providers: [Handled],
  });
  return { ...host, handled: host.app.get(Handled) };
}

/** Takes nothing until it is told to. */
class SlowInbox extends XeniooInbox {
  override readonly deadLetters = NO_DEAD_LETTERS;
  readonly deliveries: XeniooDelivery[] = [];
  commit = () => {};

  async accept(delivery: XeniooDelivery): Promise<void> {
    this.deliveries.push(delivery);
    await new Promise<void>(resolve => (this.commit = resolve));
  }
  async start(): Promise<void> {}
  async idle(): Promise<void> {}
  async stop(): Promise<void> {}
}

class FullInbox extends SlowInbox {
  override async accept(): Promise<void> {
    throw new XeniooInboxError('no room left');
  }
}

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  it.each([
    ['of any content type', EVENT, { 'content-type': 'text/plain' }],
    ['of a content type that is none', EVENT, { 'content-type': 'nonsense' }],
    [
      'as a form',
      EVENT,
      { 'content-type': 'application/x-www-form-urlencoded' },
    ],
    ['with a byte-order mark', `\uFEFF${EVENT}`, {}],
    ['gzipped', gzipSync(EVENT), { 'content-encoding': 'gzip' }],
    ['deflated', deflateSync(EVENT), { 'content-encoding': 'deflate' }],
    ['in brotli', brotliCompressSync(EVENT), { 'content-encoding': 'br' }],
  ])('reads a body %s', async (_, body, headers) => {
    const { url, handled, idle } = await start(adapter);

    const answer = await call(url(PATH), body, { headers });

    expect(answer).toMatchObject({ status: 200, text: '' });
    await idle();
    expect(handled.events).toMatchObject([{ text: 'Grüße 🎉' }]);
  });

  it('answers 200 to an empty array, and has nothing to handle', async () => {
    const { url, handled, idle } = await start(adapter);

    expect(await call(url(PATH), [])).toMatchObject({ status: 200, text: '' });

    await idle();
    expect(handled).toMatchObject({ events: [], invalid: [] });
  });

  it('takes a body far over what the host allows its own routes', async () => {
    const { url, handled, idle } = await start(adapter);
    const events = Array.from({ length: 20_000 }, (_, index) => ({
      Type: 1,
      Data: `message ${index} ${'.'.repeat(200)}`,
    }));

    expect(await call(url(PATH), events)).toMatchObject({ status: 200 });

    await idle();
    expect(handled.events).toHaveLength(20_000);
  });

  it('answers others while it reads a large one', async () => {
    const { url } = await start(adapter);
    const large = Array.from({ length: 20_000 }, () => ({ Type: 1 }));
    const answered: string[] = [];
    const send = async (name: string, body: unknown) => {
      await call(url(PATH), body);
      answered.push(name);
    };

    await Promise.all([
      send('large', large),
      send('small', { Type: 1 }).then(() => send('next', { Type: 1 })),
    ]);

    expect(answered).toEqual(['small', 'next', 'large']);
  });

  it('answers 413 to a body over bodyLimit, compressed or not', async () => {
    const { url, logs } = await start(adapter, { bodyLimit: '1kb' });
    const large = JSON.stringify({ Type: 1, Data: 'x'.repeat(2_000) });

    expect(await call(url(PATH), large)).toMatchObject({ status: 413 });
    const headers = { 'content-encoding': 'gzip' };
    expect(await call(url(PATH), gzipSync(large), { headers })).toMatchObject({
      status: 413,
    });

    expect(logs.ofXenioo('error')).toEqual([
      expect.stringMatching(
        /^Strike 1: answered 413 to bot default: its body is over `bodyLimit` \(1024 bytes\); raise it\./,
      ),
    ]);
  });

  it('answers 408 to a body that does not arrive within bodyTimeoutMs', async () => {
    const { url } = await start(adapter, { bodyTimeoutMs: 50 });
    const { hostname, port } = new URL(url(PATH));

    const socket = connect(Number(port), hostname);
    socket.write(
      `POST ${PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer right-secret\r\nContent-Length: 100\r\n\r\n{"Type":`,
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];

    expect(answer.toString()).toMatch(/^HTTP\/1.1 408 .*connection: close/is);
    await once(socket, 'close');
  });

  it('refuses a wrong secret before the body is sent', async () => {
    const { url } = await start(adapter);
    const { hostname, port } = new URL(url(PATH));

    const socket = connect(Number(port), hostname);
    socket.write(
      `POST ${PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\nContent-Length: 100\r\n\r\n`,
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];

    expect(answer.toString()).toMatch(
      /^HTTP\/1.1 401 .*www-authenticate: bearer/is,
    );
    await once(socket, 'close');
  });

  it('answers 400 where invalid is reject, and processes nothing of the call', async () => {
    const { url, handled, idle } = await start(adapter, { invalid: 'reject' });

    const answer = await call(url(PATH), [
      { Type: 1, Data: 'fine' },
      { Type: 1, Data: 5 },
      { Type: 'x' },
    ]);

    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text)).toEqual({
      statusCode: 400,
      message: [
        'entry 1: Data must be a string, got a number',
        'entry 2: Type must be a whole number from 0, got a string',
      ],
      error: 'Bad Request',
    });
    await idle();
    expect(handled).toMatchObject({ events: [], invalid: [] });
    expect(await call(url(PATH), { Type: 1 })).toMatchObject({ status: 200 });
  });

  it('answers 200 only once the inbox has accepted', async () => {
    const inbox = new SlowInbox();
    const { url } = await start(adapter, {
      inbox: { useFactory: () => inbox },
    });

    let isAnswered = false;
    const answer = call(url(PATH), [{ Type: 1 }, { Type: 1 }]).finally(
      () => (isAnswered = true),
    );
    await expect.poll(() => inbox.deliveries.length).toBe(1);

    expect(inbox.deliveries[0]?.entries).toHaveLength(2);
    expect(isAnswered).toBe(false);
    inbox.commit();
    expect(await answer).toMatchObject({ status: 200 });
  });

  it('answers 503 when the inbox can’t accept, and says why', async () => {
    const { url, logs } = await start(adapter, {
      inbox: { useFactory: () => new FullInbox() },
    });

    expect(await call(url(PATH), { Type: 1 })).toMatchObject({
      status: 503,
      text: '',
    });

    expect(logs.ofXenioo('error')).toEqual([
      expect.stringMatching(
        /^Strike 1: answered 503 to bot default: no room left\. .* re-save and publish the bot/,
      ),
    ]);
  });

  it('leaves the body limit and the errors of other routes to the host', async () => {
    const { url } = await start(adapter);

    for (const [path, method] of [
      ['/elsewhere', 'POST'],
      [PATH, 'GET'],
    ] as const) {
      expect((await fetch(url(path), { method })).status).toBe(404);
    }
  });
});
