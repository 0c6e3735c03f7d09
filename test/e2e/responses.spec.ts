import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
} from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { XeniooInboxError, type XeniooDelivery } from '../../lib/index.js';
import {
  deliver,
  dispatched,
  idle,
  received,
  xeniooEntry,
  xeniooGroup,
} from '../../lib/testing/index.js';
import {
  CatchAllHandlers,
  startWebhookHost,
} from '../support/start-webhook-host.js';
import { AcceptOnlyInbox } from '../support/accept-only-inbox.js';
import { callRaw } from '../support/raw-caller.js';

const EVENT = '{"Type":1,"Data":"Grüße 🎉"}';
const { userMessage } = xeniooEntry;

/** Inbox that accepts only after the test has allowed it. */
class SlowInbox extends AcceptOnlyInbox {
  readonly deliveries: XeniooDelivery[] = [];
  commit = () => {};

  async accept(delivery: XeniooDelivery): Promise<void> {
    this.deliveries.push(delivery);
    await new Promise<void>(resolve => (this.commit = resolve));
  }
}

class FullInbox extends SlowInbox {
  override async accept(): Promise<void> {
    throw new XeniooInboxError('no room left');
  }
}

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  it.each([
    ['of any content type', EVENT, { 'content-type': 'text/plain' }],
    ['of an invalid content type', EVENT, { 'content-type': 'nonsense' }],
    [
      'as a form',
      EVENT,
      { 'content-type': 'application/x-www-form-urlencoded' },
    ],
    ['with a byte-order mark', `\uFEFF${EVENT}`, {}],
    ['gzipped', gzipSync(EVENT), { 'content-encoding': 'gzip' }],
    ['deflated', deflateSync(EVENT), { 'content-encoding': 'deflate' }],
    ['in brotli', brotliCompressSync(EVENT), { 'content-encoding': 'br' }],
    [
      'in raw deflate',
      deflateRawSync(EVENT),
      { 'content-encoding': 'deflate' },
    ],
    [
      'of two encodings',
      brotliCompressSync(gzipSync(EVENT)),
      { 'content-encoding': 'gzip, br' },
    ],
    ['of the encoding identity', EVENT, { 'content-encoding': 'identity' }],
    [
      'gzipped with trailing bytes',
      Buffer.concat([gzipSync(EVENT), Buffer.from('\r\n')]),
      { 'content-encoding': 'gzip' },
    ],
    ['in UTF-16LE', Buffer.from(`\uFEFF${EVENT}`, 'utf16le'), {}],
    ['in UTF-16BE', Buffer.from(`\uFEFF${EVENT}`, 'utf16le').swap16(), {}],
  ])('reads a body %s', async (_, body, headers) => {
    const { app, sender } = await startWebhookHost(adapter);

    const answer = await sender.call(body, { headers });

    expect(answer).toMatchObject({ status: 200, body: '' });
    await idle(app);
    expect(dispatched(app)).toMatchObject([{ event: { text: 'Grüße 🎉' } }]);
  });

  it('reads a body in the charset that its content type names', async () => {
    const { app, sender } = await startWebhookHost(adapter);

    const answer = await sender.call(
      Buffer.from('{"Type":1,"Data":"Grüße"}', 'latin1'),
      { headers: { 'content-type': 'application/json; charset=iso-8859-1' } },
    );

    expect(answer.status).toBe(200);
    await idle(app);
    expect(dispatched(app)).toMatchObject([{ event: { text: 'Grüße' } }]);
  });

  it.each([
    ['that was cut off', gzipSync(EVENT).subarray(0, 20), 'gzip'],
    ['of an unsupported encoding', gzipSync(EVENT), 'compress'],
    ['that is not text', Buffer.from([0x22, 0xff, 0xfe, 0x22]), 'identity'],
  ])('keeps the bytes of a body %s', async (_, body, encoding) => {
    const { app, sender } = await startWebhookHost(adapter);
    const headers = { 'content-encoding': encoding };

    expect(await sender.call(body, { headers })).toMatchObject({ status: 200 });

    await idle(app);
    expect(app.get(CatchAllHandlers).invalid).toMatchObject([
      { reason: 'not-json', raw: body.toString('base64') },
    ]);
  });

  it('answers 200 to an empty array and runs no handler', async () => {
    const { app, sender } = await startWebhookHost(adapter);

    expect(await sender.call([])).toMatchObject({ status: 200, body: '' });

    await idle(app);
    expect(received(app)).toEqual([]);
    expect(dispatched(app)).toEqual([]);
  });

  it('accepts a body far above the body limit of the host', async () => {
    const { app } = await startWebhookHost(adapter);
    const events = xeniooGroup(20_000);

    await deliver(app, events, { grouped: events.length });

    await idle(app);
    expect(dispatched(app, 'CatchAllHandlers.save')).toHaveLength(20_000);
  });

  it('answers other calls while it reads a large body', async () => {
    const { sender } = await startWebhookHost(adapter);
    const answered: string[] = [];
    const send = async (name: string, body: unknown) => {
      await sender.call(body);
      answered.push(name);
    };

    await Promise.all([
      send('large', xeniooGroup(20_000)),
      send('small', userMessage()).then(() => send('next', userMessage())),
    ]);

    expect(answered).toEqual(['small', 'next', 'large']);
  });

  it('answers 413 to a body above bodyLimit, compressed or not', async () => {
    const { sender, logs } = await startWebhookHost(adapter, {
      bodyLimit: '1kb',
    });
    const large = JSON.stringify(userMessage({ Data: 'x'.repeat(2_000) }));

    expect(await sender.call(large)).toMatchObject({ status: 413 });
    const headers = { 'content-encoding': 'gzip' };
    expect(await sender.call(gzipSync(large), { headers })).toMatchObject({
      status: 413,
    });

    expect(logs.ofXenioo('error')).toEqual([
      expect.stringMatching(
        /^Strike 1: answered 413 to bot default: the body exceeds `bodyLimit` \(1024 bytes\); raise the limit\./,
      ),
    ]);
  });

  it('answers 408 to a body that does not arrive within bodyTimeoutMs', async () => {
    const { url } = await startWebhookHost(adapter, { bodyTimeoutMs: 50 });

    const caller = await callRaw(url(''), {
      secret: 'right-secret',
      body: 'Content-Length: 100',
    });
    caller.socket.write('{"Type":');
    await caller.closed;

    expect(caller.answered()).toMatch(/^HTTP\/1.1 408 .*connection: close/is);
  });

  it('rejects a wrong secret before the body is sent', async () => {
    const { url } = await startWebhookHost(adapter);

    const { closed, answered } = await callRaw(url(''), {
      secret: 'wrong',
      body: 'Content-Length: 100',
    });
    await closed;

    expect(answered()).toMatch(/^HTTP\/1.1 401 .*www-authenticate: bearer/is);
  });

  it('answers 400 with `invalid: reject` and processes no entry of the call', async () => {
    const { app, sender } = await startWebhookHost(adapter, {
      invalid: 'reject',
    });

    const answer = await sender.call([
      userMessage({ Data: 'fine' }),
      { Type: 1, Data: 5 },
      { Type: 'x' },
    ]);

    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toEqual({
      statusCode: 400,
      message: [
        'entry 1: Data must be a string, got a number',
        'entry 2: Type must be a non-negative safe integer, got a string',
      ],
      error: 'Bad Request',
    });
    await idle(app);
    expect(received(app)).toEqual([]);
    expect(dispatched(app)).toEqual([]);
    await deliver(app, userMessage());
  });

  it('answers 200 only after the inbox has accepted', async () => {
    const inbox = new SlowInbox();
    const { sender } = await startWebhookHost(adapter, {
      inbox: { useFactory: () => inbox },
    });

    let isAnswered = false;
    const answer = sender
      .call([userMessage(), userMessage()])
      .finally(() => (isAnswered = true));
    await expect.poll(() => inbox.deliveries.length).toBe(1);

    expect(inbox.deliveries[0]?.entries).toHaveLength(2);
    expect(isAnswered).toBe(false);
    inbox.commit();
    expect(await answer).toMatchObject({ status: 200 });
  });

  it('answers 503 and logs the reason when the inbox fails', async () => {
    const { sender, logs } = await startWebhookHost(adapter, {
      inbox: { useFactory: () => new FullInbox() },
    });

    expect(await sender.call(userMessage())).toMatchObject({
      status: 503,
      body: '',
    });

    expect(logs.ofXenioo('error')).toEqual([
      expect.stringMatching(
        /^Strike 1: answered 503 to bot default: no room left\. .* save and publish the bot/,
      ),
    ]);
  });

  it('leaves other paths and methods to the host', async () => {
    const { url } = await startWebhookHost(adapter);

    for (const [path, method] of [
      ['/elsewhere', 'POST'],
      ['/xenioo/webhook', 'GET'],
    ] as const) {
      expect((await fetch(url(path), { method })).status).toBe(404);
    }
  });
});
