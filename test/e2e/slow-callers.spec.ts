import { once } from 'node:events';
import { IncomingMessage, type Server } from 'node:http';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  XeniooWebhookStatus,
  type XeniooModuleOptions,
} from '../../lib/index.js';
import {
  deliver,
  dispatched,
  idle,
  received,
  xeniooEntry,
} from '../../lib/testing/index.js';
import { startWebhookHost } from '../support/start-webhook-host.js';
import type { AdapterName } from '../support/host-app.js';
import { callRaw, type RawCaller } from '../support/raw-caller.js';

const { userMessage } = xeniooEntry;
const FIVE_MEGABYTES = 5_000_000;

async function start(
  adapter: AdapterName,
  options: Partial<XeniooModuleOptions> = {},
) {
  const host = await startWebhookHost(adapter, options);
  const server = host.app.getHttpServer() as Server;
  return {
    ...host,
    origin: host.url(''),
    status: host.app.get(XeniooWebhookStatus),
    server,
    connections: promisify(server.getConnections.bind(server)),
  };
}

/** Returns the number of timers that keep the process alive. */
const timers = () =>
  process.getActiveResourcesInfo().filter(name => name === 'Timeout').length;

/** Waits up to 30 seconds until no timer is left, without a timer of its own; returns the number of those left. */
async function timersLeft(): Promise<number> {
  const started = performance.now();
  while (timers() > 0 && performance.now() - started < 30_000) {
    await new Promise(resolve => setImmediate(resolve));
  }
  return timers();
}

/** Sends one byte after another until the socket is closed. */
function trickle({ socket }: RawCaller, byte: string): void {
  const sending = setInterval(() => socket.write(byte), 10);
  const stop = () => clearInterval(sending);
  socket.on('close', stop);
  onTestFinished(stop);
}

/** Sends no faster than the other side reads; resolves when it is done or the connection is closed. */
async function pour({ socket, closed }: RawCaller, bytes: number) {
  const chunk = Buffer.alloc(65_536, 'x');
  const cutOff = closed.then(() => true);
  for (let sent = 0; sent < bytes; sent += chunk.length) {
    if (socket.write(chunk)) continue;
    const drained = once(socket, 'drain').then(() => false);
    if (await Promise.race([drained.catch(() => true), cutOff])) return;
  }
}

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  describe('a caller that sends single bytes', () => {
    it.each([
      ['with a length', 'Content-Length: 1000000', 'x'],
      ['in chunks', 'Transfer-Encoding: chunked', '1\r\nx\r\n'],
    ])(
      'is answered 408 after bodyTimeoutMs, and its socket closed (%s)',
      async (_, body, byte) => {
        const { app, origin, connections, status } = await start(adapter, {
          bodyTimeoutMs: 200,
        });
        const started = performance.now();

        const caller = await callRaw(origin, { secret: 'right-secret', body });
        trickle(caller, byte);
        await caller.closed;
        const took = performance.now() - started;

        expect(caller.answered()).toMatch(
          /^HTTP\/1\.1 408 .*connection: close/is,
        );
        expect(took).toBeGreaterThanOrEqual(199);
        await expect.poll(connections).toBe(0);
        expect(await timersLeft()).toBe(0);
        await idle(app);
        expect(dispatched(app)).toEqual([]);
        expect(status).toMatchObject({ strikes: 1, refused: 0 });
      },
    );

    it('is disconnected even if it reads no answer and does not close', async () => {
      const { origin, server, connections } = await start(adapter, {
        bodyTimeoutMs: 300,
      });
      const arrived = once(server, 'request');

      const caller = await callRaw(origin, {
        secret: 'right-secret',
        body: 'Content-Length: 1000000',
      });
      caller.socket.pause();
      await arrived;

      await expect.poll(connections).toBe(0);
    });

    it('does not delay other callers', async () => {
      const { app, origin, connections } = await start(adapter);
      const slow = await Promise.all(
        Array.from({ length: 50 }, () =>
          callRaw(origin, {
            secret: 'right-secret',
            body: 'Content-Length: 1000',
          }),
        ),
      );
      for (const caller of slow) trickle(caller, ' ');

      await deliver(app, userMessage());
      await idle(app);
      expect(dispatched(app, 'CatchAllHandlers.save')).toHaveLength(1);
      for (const { socket } of slow) socket.destroy();
      await expect.poll(connections).toBeLessThanOrEqual(1);
    });
  });

  it.each([
    ['with a FIN', (caller: RawCaller) => caller.socket.end()],
    ['with a RST', (caller: RawCaller) => caller.socket.resetAndDestroy()],
  ])(
    'releases everything after 200 callers that disconnect half-way (%s)',
    async (_, disconnect) => {
      const { app, origin, connections, status, logs } = await start(adapter, {
        bodyTimeoutMs: 60_000,
      });
      const part = '[{"Type":1,"Data":"half of it"},{"Type":1,';
      const bodies = [
        { body: `Content-Length: ${part.length + 10}`, sent: part },
        {
          body: 'Transfer-Encoding: chunked',
          sent: `${part.length.toString(16)}\r\n${part}\r\n`,
        },
        {
          body: `Content-Length: ${FIVE_MEGABYTES}`,
          sent: part.padEnd(200_000),
        },
        { body: `Content-Length: ${part.length}`, sent: '' },
      ];

      const callers = await Promise.all(
        Array.from({ length: 200 }, async (_unused, index) => {
          const { body, sent } = bodies[index % bodies.length]!;
          const caller = await callRaw(origin, {
            secret: 'right-secret',
            body,
          });
          caller.socket.write(sent);
          return caller;
        }),
      );
      await expect.poll(connections).toBe(200);
      // Each body that is being read has a timer; `timers()` counts it.
      await expect.poll(timers).toBeGreaterThanOrEqual(200);
      for (const caller of callers) disconnect(caller);

      await expect.poll(connections).toBe(0);
      expect(await timersLeft()).toBe(0);
      await idle(app);
      expect(received(app)).toEqual([]);
      expect(dispatched(app)).toEqual([]);
      expect(status).toMatchObject({ strikes: 0, refused: 0 });
      expect(status.lastAcceptedAt).toBeUndefined();
      expect(logs.ofXenioo('error')).toEqual([]);
      await deliver(app, userMessage());
    },
  );

  it('handles each call once if its caller disconnects after the body', async () => {
    const { app, origin, connections } = await start(adapter);
    const body = '{"Type":1,"Data":"all of it"}';
    const saved = () => dispatched(app, 'CatchAllHandlers.save');

    for (let n = 0; n < 200; n++) {
      const caller = await callRaw(origin, {
        secret: 'right-secret',
        body: `Content-Length: ${body.length}`,
      });
      caller.socket.end(body);
    }

    await expect.poll(saved).toHaveLength(200);
    await expect.poll(connections).toBe(0);
    await idle(app);
    expect(saved()).toHaveLength(200);
    expect(await timersLeft()).toBe(0);
  });

  describe('a refused caller', () => {
    it('is answered 401 while it still sends its 5 MB', async () => {
      const { origin, connections, status } = await start(adapter);

      const caller = await callRaw(origin, {
        secret: 'wrong',
        body: `Content-Length: ${FIVE_MEGABYTES}`,
      });
      const [answer] = (await once(caller.socket, 'data')) as [Buffer];
      caller.socket.write('x'.repeat(1_000));

      expect(answer.toString()).toMatch(
        /^HTTP\/1\.1 401 .*www-authenticate: bearer/is,
      );
      await caller.closed;
      await expect.poll(connections).toBe(0);
      expect(status).toMatchObject({ strikes: 0, refused: 1 });
    });

    it('can send only a fraction of its 5 MB', async () => {
      const { app, origin, server } = await start(adapter);
      const parse = vi.spyOn(JSON, 'parse');
      const listen = vi.spyOn(IncomingMessage.prototype, 'on');
      onTestFinished(() => {
        parse.mockRestore();
        listen.mockRestore();
      });
      const arrived = once(server, 'request') as Promise<[IncomingMessage]>;

      const caller = await callRaw(origin, {
        secret: 'wrong',
        body: `Content-Type: application/json\r\nContent-Length: ${FIVE_MEGABYTES}`,
      });
      const [request] = await arrived;
      await pour(caller, FIVE_MEGABYTES);
      await caller.closed;

      await expect.poll(() => request.socket.destroyed).toBe(true);
      expect(request.socket.bytesRead).toBeLessThan(FIVE_MEGABYTES / 2);
      expect(request.complete).toBe(false);
      expect(request).not.toHaveProperty('body');
      const listened = listen.mock.calls.filter(
        ([name], index) =>
          name === 'data' && listen.mock.contexts[index] === request,
      );
      expect(listened).toEqual([]);
      expect(parse).not.toHaveBeenCalled();
      await idle(app);
      expect(dispatched(app)).toEqual([]);
    });

    it('is disconnected even if it keeps sending single bytes', async () => {
      const { origin, connections } = await start(adapter);

      const caller = await callRaw(origin, {
        secret: 'wrong',
        body: 'Transfer-Encoding: chunked',
      });
      trickle(caller, '1\r\nx\r\n');
      await caller.closed;

      expect(caller.answered()).toMatch(/^HTTP\/1\.1 401 /);
      await expect.poll(connections).toBe(0);
      expect(await timersLeft()).toBe(0);
    });
  });
});
