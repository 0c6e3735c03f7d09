import {
  Body,
  Controller,
  Get,
  Headers,
  HttpException,
  Param,
  Post,
  Req,
  type DynamicModule,
  type INestApplication,
  type RawBodyRequest,
} from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { json } from 'express';
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { XeniooWebhookStatus, XeniooModule } from '../../lib/index.js';
import { xeniooEntry } from '../../lib/testing/index.js';
import { CatchAllHandlers } from '../support/start-webhook-host.js';
import {
  startHost,
  type AdapterName,
  type HostSetup,
} from '../support/host-app.js';

@Controller()
class OtherController {
  @Post('echo')
  echo(
    @Body() body: unknown,
    @Req() request: RawBodyRequest<IncomingMessage>,
    @Headers() headers: Record<string, string>,
  ) {
    const { host: _, ...seen } = headers;
    const raw = request.rawBody?.toString('base64') ?? null;
    return { body: body ?? null, raw, seen };
  }

  @Get('item/:id')
  item(@Param('id') id: string) {
    return { id };
  }

  @Get('error')
  error(): never {
    throw new Error('thrown by the host');
  }

  @Post('error')
  errorAfterBody(): never {
    throw new HttpException({ teapot: true }, 418);
  }
}

const JSON_TYPE = { 'content-type': 'application/json' };
const as = (type: string) => ({ 'content-type': type });
const encoded = (encoding: string) => ({
  ...JSON_TYPE,
  'content-encoding': encoding,
});
const TEXT = '{"hello":"wörld"}';
const sized = (bytes: number) => `"${'x'.repeat(bytes - 2)}"`;
const ENTRY = JSON.stringify(xeniooEntry.userMessage());

/** Arguments of one call with `fetch`. */
interface Call {
  /** @default 'POST' */
  readonly method?: string;
  /** @default '/echo' */
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array;
  /** Chunks that are sent instead of a body, without a length. */
  readonly chunks?: readonly string[];
}

/** Calls of other routes than the webhook. */
const CALLS: Record<string, Call> = {
  json: { headers: JSON_TYPE, body: TEXT },
  'json in chunks': { headers: JSON_TYPE, chunks: ['[1', ',2]'] },
  'json with a charset': {
    headers: as('application/json; charset=utf-8'),
    body: TEXT,
  },
  'json with a charset that it has not': {
    headers: as('application/json; charset=utf-16'),
    body: TEXT,
  },
  'json with the secret': {
    headers: { ...JSON_TYPE, authorization: 'Bearer right-secret' },
    body: ENTRY,
  },
  'json with a byte-order mark': { headers: JSON_TYPE, body: `\uFEFF${TEXT}` },
  'a scalar': { headers: JSON_TYPE, body: '5' },
  'prototype keys': { headers: JSON_TYPE, body: '{"__proto__":{"a":1}}' },
  'broken json': { headers: JSON_TYPE, body: '{"hello":' },
  'no body': {},
  'no body of a type': { headers: JSON_TYPE, body: '' },
  'over 1 KB': { headers: JSON_TYPE, body: sized(2_000) },
  'over 100 KB': { headers: JSON_TYPE, body: sized(110_000) },
  'over 1 MB': { headers: JSON_TYPE, body: sized(1_100_000) },
  'over 1 MB in chunks': { headers: JSON_TYPE, chunks: [sized(1_100_000)] },
  'a form': {
    headers: as('application/x-www-form-urlencoded'),
    body: 'a=1&b[c]=2&a=3',
  },
  text: { headers: as('text/plain'), body: 'hello' },
  multipart: {
    headers: as('multipart/form-data; boundary=x'),
    body: '--x--\r\n',
  },
  'no content type': { body: TEXT },
  nonsense: { headers: as('nonsense'), body: TEXT },
  gzip: { headers: encoded('gzip'), body: gzipSync(TEXT) },
  'gzip that it is not': { headers: encoded('gzip'), body: TEXT },
  'gzip that grows over 1 MB': {
    headers: encoded('gzip'),
    body: gzipSync(sized(1_100_000)),
  },
  'an encoding that does not exist': {
    headers: encoded('nonsense'),
    body: TEXT,
  },
  'a parameter': { method: 'GET', path: '/item/a%20b?c=d' },
  'a malformed parameter': { method: 'GET', path: '/item/%E0%A4%A' },
  'a malformed path': { path: '/%E0%A4%A', headers: JSON_TYPE, body: TEXT },
  'an error': { method: 'GET', path: '/error' },
  'an HTTP error': { path: '/error', headers: JSON_TYPE, body: TEXT },
  'HEAD of an error': { method: 'HEAD', path: '/error' },
  'no such route': { path: '/nowhere', headers: JSON_TYPE, body: TEXT },
  'no such route, broken json': {
    path: '/nowhere',
    headers: JSON_TYPE,
    body: '{',
  },
  'a wrong method': { method: 'GET' },
  'a wrong method with a body': {
    method: 'PUT',
    headers: JSON_TYPE,
    body: TEXT,
  },
  'OPTIONS of a route': { method: 'OPTIONS' },
  'GET of the webhook': { method: 'GET', path: '/xenioo/webhook' },
  'PUT of the webhook': {
    method: 'PUT',
    path: '/xenioo/webhook',
    headers: { ...JSON_TYPE, authorization: 'Bearer right-secret' },
    body: ENTRY,
  },
  'a path above the webhook': {
    path: '/xenioo',
    headers: JSON_TYPE,
    body: ENTRY,
  },
  'a path below the webhook': {
    path: '/xenioo/webhook/below',
    headers: JSON_TYPE,
    body: ENTRY,
  },
  'a path that begins as the webhook': {
    path: '/xenioo/webhooks',
    headers: JSON_TYPE,
    body: ENTRY,
  },
};

/** Settings of hosts for their own routes. */
const HOST_SETUPS: Record<AdapterName, Record<string, HostSetup>> = {
  express: {
    'as it is': {},
    'rawBody: true': { options: { rawBody: true } },
    'bodyParser: false': { options: { bodyParser: false } },
    'useBodyParser()': {
      options: { rawBody: true },
      prepare: expressed(app => {
        app.useBodyParser('json', { limit: '2mb' });
        app.useBodyParser('text');
      }),
    },
    'app.use(json())': {
      prepare: app => void app.use(json({ limit: '1kb', strict: false })),
    },
    CORS: { options: { cors: true } },
  },
  fastify: {
    'as it is': {},
    'rawBody: true': { options: { rawBody: true } },
    'bodyParser: false': { options: { bodyParser: false } },
    'useBodyParser()': {
      options: { rawBody: true },
      prepare: fastified(app => {
        app.useBodyParser('application/json', { bodyLimit: 2_000_000 });
        app.useBodyParser('text/plain');
      }),
    },
    'a parser for any type': {
      prepare: fastified(app =>
        app
          .getHttpAdapter()
          .getInstance()
          .addContentTypeParser(
            '*',
            { parseAs: 'string' },
            (_request, body, done) => done(null, { any: body }),
          ),
      ),
    },
    CORS: { options: { cors: true } },
  },
};

function expressed(prepare: (app: NestExpressApplication) => unknown) {
  return (app: INestApplication) => void prepare(app as NestExpressApplication);
}

function fastified(prepare: (app: NestFastifyApplication) => unknown) {
  return (app: INestApplication) => void prepare(app as NestFastifyApplication);
}

async function answerTo(
  origin: string,
  { path = '/echo', body, chunks, ...call }: Call,
) {
  // As bytes: `fetch` gives a string a content type of its own.
  const bytes = chunks
    ? ReadableStream.from(chunks.map(chunk => Buffer.from(chunk)))
    : body !== undefined && Buffer.from(body);
  const answer = await fetch(`${origin}${path}`, {
    method: 'POST',
    ...call,
    ...(bytes && { body: bytes, duplex: 'half' }),
  });
  const { date: _, ...headers } = Object.fromEntries(answer.headers);
  const text = await answer.text();
  const hash = createHash('sha256').update(text).digest('hex');
  const shown = text.length < 5_000 ? text : hash;
  return { status: answer.status, headers, body: shown };
}

/** Returns all answers and the warnings and errors that the host logged. */
async function outcomes(
  adapter: AdapterName,
  setup: HostSetup,
  imports: DynamicModule[],
  calls: Record<string, Call>,
) {
  const { app, url, logs } = await startHost(
    adapter,
    {
      imports,
      controllers: [OtherController],
      providers: [CatchAllHandlers],
    },
    setup,
  );
  const answers: Record<string, Awaited<ReturnType<typeof answerTo>>> = {};
  for (const [name, call] of Object.entries(calls)) {
    answers[name] = await answerTo(url(''), call);
  }
  const logged = logs.lines
    .filter(({ level }) => level === 'error' || level === 'warn')
    .map(({ level, context, text }) => [level, context, text.split('\n')[0]]);
  return { app, seen: { answers, logged } };
}

async function compare(adapter: AdapterName, setup: HostSetup, calls = CALLS) {
  const module = XeniooModule.forRoot({ secret: 'right-secret' });
  const without = await outcomes(adapter, setup, [], calls);
  const having = await outcomes(adapter, setup, [module], calls);
  const status = having.app.get(XeniooWebhookStatus);
  return { without: without.seen, having: having.seen, status };
}

/** Status of a webhook that was never called. */
const UNTOUCHED = { lastAcceptedAt: undefined, refused: 0, strikes: 0 };

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  it.each(Object.entries(HOST_SETUPS[adapter]))(
    'does not change other routes of the host (%s)',
    async (_, setup) => {
      const { without, having, status } = await compare(adapter, setup);

      expect(having).toEqual(without);
      expect(without.answers['an HTTP error']).toMatchObject({ status: 418 });
      expect(status).toMatchObject(UNTOUCHED);
    },
  );

  it('does not change a route that is called with an internal content type of the module', async () => {
    const headers = as('application/vnd.nestjs-xenioo');
    const calls = { odd: { headers, body: TEXT } };

    const { without, having, status } = await compare(adapter, {}, calls);

    expect(having).toEqual(without);
    expect(status).toMatchObject(UNTOUCHED);
  });
});
