import { Controller, Post, Req } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import express from 'express';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { dispatched, idle, xeniooEntry } from '../../../lib/testing/index.js';
import { startArchive, type ArchiveHost } from '../../support/archive.js';
import { senderAt } from '../../support/sender-at.js';

const { userMessage } = xeniooEntry;
const PATH = '/xenioo/webhook';
const WRONG = { authorization: 'Bearer wrong' };

type Hook = (
  request: IncomingMessage,
  response: ServerResponse,
  next: () => void,
) => void;

/** Which calls Express got into its hands, of a host whose first call had the right secret. */
async function started({
  server = express(),
  hook,
  ...host
}: ArchiveHost & { server?: express.Express; hook?: Hook } = {}) {
  const seen: string[] = [];
  const { handle } = server as unknown as { handle: Hook };
  Object.assign(server, {
    handle: (...values: Parameters<Hook>) => {
      seen.push(values[0].url!);
      handle.apply(server, values);
    },
  });
  const adapter = new ExpressAdapter(server);
  if (hook) adapter.setOnRequestHook(hook);
  const archive = await startArchive(adapter, {}, host);
  const sender = senderAt(archive.url(PATH));
  expect((await sender.call([])).status).toBe(200);
  seen.length = 0;
  return { ...archive, sender, seen };
}

describe('once the gate knows its URL', () => {
  it('a wrong secret is refused before Express has the call', async () => {
    const { sender, seen } = await started();

    expect((await sender.call([], WRONG)).status).toBe(401);
    expect(seen).toEqual([]);
  });

  it('a right secret is admitted, and goes the whole way of the host', async () => {
    const { url, app, seen } = await started({
      prepare: host =>
        void host.use(((_request, response, next) => {
          response.setHeader('X-Host', 'here');
          next();
        }) satisfies Hook),
    });

    const { status, headers } = await fetch(url(PATH), {
      method: 'POST',
      body: JSON.stringify(userMessage({ Data: 'hello' })),
      headers: { authorization: 'Bearer right-secret' },
    });

    expect(status).toBe(200);
    expect(headers.get('x-host')).toBe('here');
    expect(seen).toEqual([PATH]);
    await idle(app);
    expect(dispatched(app)).toMatchObject([{ entry: { text: 'hello' } }]);
  });

  it('calls to other URLs and methods are the host’s alone', async () => {
    const { url, seen } = await started();

    const got = await fetch(url(PATH));
    const other = await fetch(url('/other'), { method: 'POST' });

    expect([got.status, other.status]).toEqual([404, 404]);
    expect(seen).toEqual([PATH, '/other']);
  });

  it('a host’s hook for all requests hears of refused ones too', async () => {
    const heard: string[] = [];
    const { sender } = await started({
      hook: (request, _response, next) => {
        heard.push(request.headers.authorization!);
        next();
      },
    });

    expect((await sender.call([], WRONG)).status).toBe(401);
    expect(heard).toEqual(['Bearer right-secret', 'Bearer wrong']);
  });

  it('a middleware of the host that comes before the gate may send calls elsewhere', async () => {
    @Controller('other')
    class Other {
      @Post()
      receive(@Req() request: { body: unknown }) {
        return request.body;
      }
    }
    const server = express();
    server.use((request, _response, next) => {
      if (request.headers['x-tenant'] === 'other') request.url = '/other';
      next();
    });
    const { url, sender } = await started({
      server,
      imports: [{ module: class OtherModule {}, controllers: [Other] }],
    });

    expect((await sender.call([], WRONG)).status).toBe(401);
    const answer = await fetch(url(PATH), {
      method: 'POST',
      body: '{"a":1}',
      headers: { 'x-tenant': 'other', 'content-type': 'application/json' },
    });

    expect(await answer.json()).toEqual({ a: 1 });
  });
});
