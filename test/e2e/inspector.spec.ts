import {
  Injectable,
  Module,
  UnauthorizedException,
  UseGuards,
  ValidationPipe,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type INestApplication,
  type NestInterceptor,
} from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { writeFile } from 'node:fs/promises';
import { get, request } from 'node:http';
import { join } from 'node:path';
import { map } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  OnXenioo,
  XeniooModule,
  XeniooProcessing,
  type XeniooEvent,
  type XeniooModuleOptions,
} from '../../lib/index.js';
import {
  XeniooInspectorModule,
  type XeniooInspectorModuleOptions,
} from '../../lib/inspector/index.js';
import {
  deliver,
  idle,
  received,
  senderFor,
  xeniooEntry,
} from '../../lib/testing/index.js';
import { SECRET } from '../support/cli-webhook.js';
import { createLatch } from '../support/create-latch.js';
import {
  startHost,
  type AdapterName,
  type HostSetup,
} from '../support/host-app.js';
import { describeInboxes } from '../support/inboxes.js';
import { makeFolder, runTool } from '../support/tool.js';

const ADMIN = { authorization: 'Bearer admin' };
const JSON_BODY = { 'content-type': 'application/json' };
const PATH = '/xenioo/inspector';

@Injectable()
class AdminGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{
      headers: { authorization?: string };
    }>();
    if (headers.authorization === ADMIN.authorization) return true;
    throw new UnauthorizedException();
  }
}

@Injectable()
class Crm {
  failing = true;
  work: () => unknown = () => {};
  readonly saved: XeniooEvent[] = [];

  @OnXenioo()
  async save(event: XeniooEvent) {
    await this.work();
    const { text } = event as { text?: string };
    if (text?.startsWith('fail') && this.failing) {
      throw new Error('the CRM is down');
    }
    this.saved.push(event);
  }
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

async function start(
  adapter: AdapterName,
  inspector: Partial<XeniooInspectorModuleOptions> = {},
  habits: HostSetup = {},
  xenioo: Partial<XeniooModuleOptions> = {},
) {
  const host = await startHost(
    adapter,
    {
      imports: [
        XeniooModule.forRoot({ secret: SECRET, retry: false, ...xenioo }),
        XeniooInspectorModule.forRoot({
          decorators: [UseGuards(AdminGuard)],
          ...inspector,
        }),
      ],
      providers: [Crm],
    },
    habits,
  );
  const call = async (
    path: string,
    { headers = ADMIN, ...init }: RequestInit = {},
  ): Promise<Answer> => {
    const response = await fetch(host.url(path), {
      redirect: 'manual',
      headers,
      ...init,
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json');
    const json =
      isJson && !text.includes('\n') && text !== '' ? JSON.parse(text) : {};
    return { status: response.status, headers: response.headers, text, json };
  };
  const read = (path: string) => call(`${PATH}/api/${path}`);
  const post = (path: string, body: unknown = {}, headers: object = {}) =>
    call(`${PATH}/api/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { ...ADMIN, ...JSON_BODY, ...headers },
    });
  return { ...host, call, read, post, crm: host.app.get(Crm) };
}

const { userMessage } = xeniooEntry;

const failing = (number: number, fields: object = {}) =>
  userMessage({ Data: `fail ${number}`, ConversationId: 'c1', ...fields });

async function deliverAndWait(app: INestApplication, entries: object[]) {
  await deliver(app, entries);
  await idle(app);
}

/** Reads the server-sent events of a stream until the test ends. */
async function openStream(url: string) {
  const aborted = new AbortController();
  onTestFinished(() => aborted.abort());
  const response = await fetch(url, { headers: ADMIN, signal: aborted.signal });
  const events: { name: string; data: Record<string, unknown> }[] = [];
  let text = '';
  const ended = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body!) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop()!;
      for (const block of blocks) {
        const [, name, data] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
        if (name && data) events.push({ name, data: JSON.parse(data) });
      }
    }
  })();
  ended.catch(() => {});
  return {
    response,
    events,
    ended,
    named: (name: string) => events.filter(event => event.name === name),
  };
}

describe.each(['express', 'fastify'] as const)(
  'the inspector on %s',
  adapter => {
    describe('its page', () => {
      it('is open, and comes with a policy and an ETag of its own', async () => {
        const { call } = await start(adapter);

        const page = await call(`${PATH}/`, { headers: {} });

        expect(page.status).toBe(200);
        expect(page.headers.get('content-type')).toBe(
          'text/html; charset=utf-8',
        );
        expect(page.headers.get('content-security-policy')).toBe(
          "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        );
        expect(page.headers.get('x-content-type-options')).toBe('nosniff');
        const etag = page.headers.get('etag')!;
        const again = await call(`${PATH}/`, {
          headers: { 'if-none-match': etag },
        });
        expect([again.status, again.text]).toEqual([304, '']);
      });

      it('has only files of its own, by relative URLs', async () => {
        const { call } = await start(adapter);
        const { text } = await call(`${PATH}/`, { headers: {} });
        const urls = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(
          ([, url]) => url!,
        );

        expect(urls.length).toBeGreaterThan(1);
        for (const url of urls) {
          expect(url).toMatch(/^[\w.-]+$/);
          expect((await call(`${PATH}/${url}`, { headers: {} })).status).toBe(
            200,
          );
        }
      });

      it('is found without the slash, by a relative redirect', async () => {
        const { call } = await start(adapter);

        const { status, headers } = await call(PATH, { headers: {} });

        expect([status, headers.get('location')]).toEqual([302, 'inspector/']);
      });

      it('answers 404 for another file', async () => {
        const { call } = await start(adapter);

        for (const name of ['other.js', '..%2f..%2fpackage.json', 'api']) {
          expect((await call(`${PATH}/${name}`)).status).toBe(404);
        }
      });

      it('works under a global prefix, with versions and another path', async () => {
        const { call } = await start(
          adapter,
          { path: '/admin/events/' },
          {
            prepare: app => {
              app.setGlobalPrefix('v');
              app.enableVersioning();
            },
          },
        );

        expect((await call('/v/admin/events/')).status).toBe(200);
        expect((await call('/v/admin/events')).status).toBe(302);
        expect((await call('/v/admin/events/api/state')).status).toBe(200);
      });

      it('works under a path of RouterModule', async () => {
        const module = XeniooInspectorModule.forRoot({ decorators: [] });
        @Module({ imports: [module] })
        class AdminModule {}
        const { url } = await startHost(adapter, {
          imports: [
            AdminModule,
            XeniooModule.forRoot({ secret: SECRET }),
            RouterModule.register([
              { path: 'admin', children: [AdminModule, XeniooInspectorModule] },
            ]),
          ],
        });

        const page = await fetch(url(`/admin${PATH}/`));
        const state = await fetch(url(`/admin${PATH}/api/state`));

        expect([page.status, state.status]).toEqual([200, 200]);
      });

      it('keeps its policy under helmet', async () => {
        const { call } = await start(
          adapter,
          {},
          {
            prepare: async app => {
              if (adapter === 'express') {
                const { default: helmet } = await import('helmet');
                app.use(helmet());
              } else {
                const { default: helmet } = await import('@fastify/helmet');
                const fastify = app
                  .getHttpAdapter()
                  .getInstance() as FastifyInstance;
                await fastify.register(helmet as never);
              }
            },
          },
        );

        const { headers } = await call(`${PATH}/`);

        expect(headers.get('content-security-policy')).toMatch(
          /^default-src 'none'; script-src 'self';/,
        );
      });

      it('is logged with its URL', async () => {
        const { logs } = await start(
          adapter,
          {},
          {
            prepare: app => void app.setGlobalPrefix('hooks'),
          },
        );

        expect(logs.ofXenioo('log')).toContain(
          `GET /hooks${PATH}/ shows the events`,
        );
      });
    });

    describe('its API', () => {
      it('answers the same under a wrapping interceptor, a strict pipe and a filter that catches everything', async () => {
        const wrap: NestInterceptor = {
          intercept: (_, next) => next.handle().pipe(map(data => ({ data }))),
        };
        const catchAll: ExceptionFilter = {
          catch(_, host) {
            host.switchToHttp().getResponse().status(500).send('caught');
          },
        };
        const { read, post } = await start(
          adapter,
          {},
          {
            prepare: app =>
              void app
                .useGlobalInterceptors(wrap)
                .useGlobalFilters(catchAll)
                .useGlobalPipes(
                  new ValidationPipe({
                    whitelist: true,
                    forbidNonWhitelisted: true,
                    transform: true,
                  }),
                ),
          },
        );

        expect((await read('events?limit=1')).json).toEqual({ events: [] });
        expect((await read('text/1')).json).toMatchObject({ statusCode: 404 });
        expect((await post('pause')).json).toMatchObject({ isPaused: true });
        expect((await post('dead-letters/remove', { id: 'x' })).json).toEqual({
          statusCode: 404,
          message: 'there is no dead letter x',
        });
      });

      it('refuses everything without the credential of the guard', async () => {
        const { call } = await start(adapter);
        const reads = [
          'state',
          'events',
          'charts',
          'stream',
          'text/1',
          'dead-letters',
          'dead-letters/export',
          'dead-letters/raw?id=1',
        ];
        const actions = [
          'pause',
          'resume',
          'dead-letters/replay',
          'dead-letters/remove',
          'dead-letters/erase',
        ];

        for (const path of reads) {
          const answer = await call(`${PATH}/api/${path}`, { headers: {} });
          expect([path, answer.status]).toEqual([path, 401]);
        }
        for (const path of actions) {
          const answer = await call(`${PATH}/api/${path}`, {
            method: 'POST',
            headers: JSON_BODY,
            body: '{}',
          });
          expect([path, answer.status]).toEqual([path, 401]);
        }
      });

      it('refuses actions of another site, and leaves everything as it is', async () => {
        const { post, call, url, app } = await start(adapter);
        const { host } = new URL(url('/'));
        const refused = [
          { 'sec-fetch-site': 'cross-site' },
          { 'sec-fetch-site': 'same-site' },
          { 'sec-fetch-site': 'none' },
          { origin: 'https://evil.example' },
          { origin: 'null' },
          { origin: `http://${host}.evil.example` },
          { 'sec-fetch-site': 'cross-site', origin: `http://${host}` },
          { 'content-type': 'text/plain' },
          { 'content-type': 'application/x-www-form-urlencoded' },
        ];

        for (const headers of refused) {
          const { status } = await post('pause', {}, headers);
          // Fastify itself refuses a form.
          expect([headers, [403, 415].includes(status)]).toEqual([
            headers,
            true,
          ]);
        }
        const get = await call(`${PATH}/api/pause`);
        expect([404, 405]).toContain(get.status);
        expect(app.get(XeniooProcessing, { strict: false }).isPaused).toBe(
          false,
        );
      });

      it('refuses reads of another site', async () => {
        const { call } = await start(adapter);

        const { status, json } = await call(`${PATH}/api/state`, {
          headers: { ...ADMIN, 'sec-fetch-site': 'cross-site' },
        });

        expect([status, json]).toEqual([
          403,
          { statusCode: 403, message: 'the request comes from another site' },
        ]);
      });

      it('accepts actions of the page, and of tools that send neither header', async () => {
        const { post, url } = await start(adapter);
        const { origin } = new URL(url('/'));

        for (const headers of [
          { 'sec-fetch-site': 'same-origin', origin },
          { origin },
          {},
        ]) {
          expect((await post('resume', {}, headers)).status).toBe(200);
        }
      });

      it('works without the body parsers of the application', async () => {
        const { post } = await start(
          adapter,
          {},
          { options: { bodyParser: false } },
        );

        const { status, json } = await post('dead-letters/remove', { id: 'x' });

        expect([status, json]).toEqual([
          404,
          { statusCode: 404, message: 'there is no dead letter x' },
        ]);
      });

      it('refuses every action when it is read-only', async () => {
        const { post, read } = await start(adapter, { readOnly: true });

        for (const path of [
          'pause',
          'resume',
          'dead-letters/replay',
          'dead-letters/remove',
          'dead-letters/erase',
        ]) {
          expect([path, (await post(path, { id: 'x' })).status]).toEqual([
            path,
            403,
          ]);
        }
        expect((await read('state')).json).toMatchObject({ readOnly: true });
      });

      it('returns the state of the webhook and the inbox', async () => {
        const { app, read } = await start(adapter, {}, {}, { name: 'support' });
        await deliverAndWait(app, [failing(1), userMessage()]);

        const { json, headers } = await read('state');

        expect(headers.get('cache-control')).toBe('no-store');
        expect(json).toEqual({
          bots: ['support'],
          urls: ['/xenioo/webhook'],
          readOnly: false,
          showText: false,
          isPaused: false,
          handlesEvents: true,
          isSilent: false,
          strikes: 0,
          refused: 0,
          lastAcceptedAt: expect.any(String),
          lastEventAt: expect.any(String),
          pending: 0,
          running: 0,
          retries: 0,
          deadLetters: 1,
          pid: process.pid,
          startedAt: expect.any(String),
          isShared: false,
        });
      });

      it('lists the events with the results of their handlers, the newest first', async () => {
        const { app, read } = await start(adapter);
        await deliverAndWait(app, [
          failing(1, { Channel: 'TelegramChannel' }),
          { Type: 'x' },
        ]);

        const { json } = await read('events');

        expect(json['events']).toEqual([
          {
            seq: 2,
            id: expect.any(String),
            kind: 'invalid',
            typeName: 'invalid',
            bot: 'default',
            receivedAt: expect.any(String),
            hasText: false,
            reason: 'invalid-fields',
            errors: [expect.stringContaining('Type')],
            results: [],
          },
          {
            seq: 1,
            id: expect.any(String),
            kind: 'event',
            type: 1,
            typeName: 'user-message',
            bot: 'default',
            channel: 'TelegramChannel',
            conversationId: 'c1',
            date: expect.any(String),
            receivedAt: expect.any(String),
            hasText: true,
            results: [
              {
                handler: 'Crm.save',
                status: 'failed',
                attempt: 1,
                durationMs: expect.any(Number),
                error: 'the CRM is down',
              },
            ],
          },
        ]);
      });

      it('keeps the last events, and pages through them', async () => {
        const { app, read } = await start(adapter, { keepEvents: 5 });
        await deliverAndWait(
          app,
          Array.from({ length: 12 }, () => userMessage()),
        );
        const seqs = async (query: string) => {
          const { json } = await read(`events?${query}`);
          return (json['events'] as { seq: number }[]).map(({ seq }) => seq);
        };

        expect(await seqs('')).toEqual([12, 11, 10, 9, 8]);
        expect(await seqs('limit=2')).toEqual([12, 11]);
        expect(await seqs('limit=2&before=11')).toEqual([10, 9]);
        expect(await seqs('before=8')).toEqual([]);
        expect((await read('events?limit=-1')).status).toBe(400);
        expect((await read('text/3')).status).toBe(404);
      });

      it('keeps no contents of an event that is too large', async () => {
        const { app, read } = await start(adapter);
        await deliverAndWait(app, [userMessage({ Data: 'x'.repeat(200_000) })]);

        const { json } = await read('events');
        const [event] = json['events'] as { id: string }[];
        const revealed = await read(`text/1?id=${event!.id}`);

        expect(event).toMatchObject({ seq: 1, hasText: true });
        expect(revealed.json).toEqual({
          statusCode: 404,
          message: 'the event is too large to be kept here',
        });
      });

      it('counts the last hour by minute', async () => {
        const { app, read, url } = await start(adapter);
        await deliverAndWait(app, [failing(1), userMessage(), { Type: 'x' }]);
        await fetch(url('/xenioo/webhook'), { method: 'POST' });

        const { json } = await read('charts');
        const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
        const { minutes, events, failures, strikes, handlerMs } = json as {
          minutes: string[];
          events: Record<string, number[]>;
          failures: number[];
          strikes: number[];
          handlerMs: Record<string, (number | null)[]>;
        };

        expect(minutes).toHaveLength(60);
        expect(sum(events['user-message']!)).toBe(2);
        expect(sum(events['invalid']!)).toBe(1);
        expect(sum(failures)).toBe(1);
        expect(sum(strikes)).toBe(0);
        expect(handlerMs['p95']!.some(value => value !== null)).toBe(true);
        expect(json['answerMs']).toMatchObject({ p50: expect.any(Array) });
      });

      it('sends texts only when they are revealed, and the user then', async () => {
        const { app, read } = await start(adapter);
        const entry = failing(1, { Data: 'fail geheim', UserName: 'Ada L.' });
        await deliverAndWait(app, [entry]);
        const list = await read('dead-letters');
        const [letter] = list.json['letters'] as { id: string }[];
        const shown = [
          await read('state'),
          await read('events'),
          await read('charts'),
          list,
        ].map(({ text }) => text);

        for (const text of shown) {
          expect(text).not.toMatch(/geheim|Ada L/);
          expect(text).not.toContain(SECRET);
        }
        const { json } = await read('events');
        const [event] = json['events'] as { id: string }[];
        const id = encodeURIComponent(letter!.id);
        for (const path of [
          `text/1?id=${event!.id}`,
          `dead-letters/raw?id=${id}`,
        ]) {
          expect((await read(path)).json).toEqual({
            text: 'fail geheim',
            raw: entry,
          });
        }
      });

      it('reveals no text of another event with the same number', async () => {
        const { app, read } = await start(adapter);
        await deliverAndWait(app, [userMessage({ Data: 'geheim' })]);

        for (const path of ['text/1', 'text/1?id=event-of-another-process']) {
          const { status, text } = await read(path);
          expect([path, status]).toEqual([path, 404]);
          expect(text).not.toContain('geheim');
        }
      });

      it('lists texts with `showText`', async () => {
        const { app, read } = await start(adapter, { showText: true });
        await deliverAndWait(app, [failing(1, { UserName: 'Ada L.' })]);

        const { json, text } = await read('events');
        const letters = await read('dead-letters');

        expect(json['events']).toMatchObject([{ text: 'fail 1' }]);
        expect(letters.json).toMatchObject({
          letters: [{ event: { text: 'fail 1' } }],
        });
        expect(text + letters.text).not.toContain('Ada L');
      });

      it('pauses and resumes the processing of this process', async () => {
        const { app, post, crm } = await start(adapter);

        expect((await post('pause')).json).toMatchObject({ isPaused: true });
        await deliver(app, [userMessage()]);
        expect(crm.saved).toEqual([]);

        expect((await post('resume')).json).toMatchObject({ isPaused: false });
        await idle(app);
        expect(crm.saved).toHaveLength(1);
      });
    });

    describe('its dead letters', () => {
      it('are listed with their error, filtered and paged', async () => {
        const { app, read } = await start(adapter);
        await deliverAndWait(app, [
          failing(1),
          failing(2, { ConversationId: 'c2' }),
          { Type: 'x' },
        ]);
        const ids = async (query: string) => {
          const { json } = await read(`dead-letters?${query}`);
          return (json['letters'] as { id: string }[]).map(({ id }) => id);
        };

        const { json } = await read('dead-letters?conversationId=c1');

        expect(json['letters']).toEqual([
          {
            id: expect.stringMatching(/\.Crm\.save$/),
            kind: 'event',
            handler: 'Crm.save',
            attempts: 1,
            error: {
              message: 'the CRM is down',
              stack: expect.stringContaining('the CRM is down'),
            },
            deadLetteredAt: expect.any(String),
            event: {
              id: expect.any(String),
              kind: 'event',
              type: 1,
              typeName: 'user-message',
              bot: 'default',
              channel: expect.any(String),
              conversationId: 'c1',
              date: expect.any(String),
              receivedAt: expect.any(String),
              hasText: true,
            },
          },
        ]);
        const all = await ids('');
        expect(all).toHaveLength(3);
        expect(await ids('kind=invalid')).toHaveLength(1);
        expect(await ids('handler=Crm.save&bot=default')).toHaveLength(2);
        expect(await ids('limit=1')).toEqual(all.slice(0, 1));
        expect(await ids(`after=${all[1]}`)).toEqual(all.slice(2));
        expect((await read('dead-letters?kinds=event')).status).toBe(400);
        expect((await read('dead-letters?after=gone')).json).toEqual({
          statusCode: 409,
          message: 'there is no dead letter gone',
        });
      });

      it('are replayed one by one, and say why that is not possible', async () => {
        const { app, read, post, crm } = await start(adapter);
        await deliverAndWait(app, [failing(1), { Type: 'x' }]);
        const { json } = await read('dead-letters');
        const letters = json['letters'] as { id: string; kind: string }[];
        const [event, invalid] = letters.toSorted((one, other) =>
          one.kind.localeCompare(other.kind),
        );
        crm.failing = false;

        const replayed = await post('dead-letters/replay', { id: event!.id });
        await idle(app);

        expect(replayed.json).toEqual({ replayed: 1 });
        expect(crm.saved).toHaveLength(1);
        expect((await read('state')).json).toMatchObject({ deadLetters: 1 });
        const again = await post('dead-letters/replay', { id: event!.id });
        expect(again.status).toBe(404);
        const refused = await post('dead-letters/replay', { id: invalid!.id });
        expect(refused.status).toBe(409);
        expect(refused.json['message']).toContain('is still invalid');
        expect((await post('dead-letters/replay', {})).status).toBe(400);
        expect((await post('dead-letters/replay', [])).status).toBe(400);
      });

      it('are removed one by one', async () => {
        const { app, read, post } = await start(adapter);
        await deliverAndWait(app, [failing(1)]);
        const { json } = await read('dead-letters');
        const [{ id }] = json['letters'] as [{ id: string }];

        expect((await post('dead-letters/remove', { id })).json).toEqual({
          removed: 1,
        });
        expect((await post('dead-letters/remove', { id })).status).toBe(404);
        expect((await read('dead-letters')).json).toEqual({ letters: [] });
      });

      it('are erased by conversation, and its events too', async () => {
        const { app, read, post } = await start(adapter);
        await deliverAndWait(app, [
          failing(1),
          failing(2),
          failing(3, { ConversationId: 'c2' }),
        ]);

        const erased = await post('dead-letters/erase', {
          conversationId: 'c1',
        });

        expect(erased.json).toEqual({ removed: 2 });
        expect((await read('events')).json).toMatchObject({
          events: [{ conversationId: 'c2' }],
        });
        expect((await read('state')).json).toMatchObject({ deadLetters: 1 });
        expect((await post('dead-letters/erase', {})).status).toBe(400);
      });

      it('are exported as a recording that the command line tool replays', async () => {
        const { app, read } = await start(adapter);
        const entries = [failing(1), failing(2, { Date: null })];
        await deliverAndWait(app, [...entries, { Type: 'x' }]);
        const sender = await senderFor(app);
        onTestFinished(() => sender.close());
        await sender.call('{broken');
        await idle(app);

        const { status, headers, text } = await read('dead-letters/export');

        expect(status).toBe(200);
        expect(headers.get('content-type')).toBe('application/x-ndjson');
        expect(headers.get('content-disposition')).toContain('attachment');
        const file = join(await makeFolder(), 'calls.ndjson');
        await writeFile(file, text);
        const target = await startHost('express', {
          imports: [XeniooModule.forRoot({ secret: SECRET })],
        });
        received(target.app);
        const run = await runTool([
          'replay',
          file,
          '--url',
          target.url('/xenioo/webhook'),
        ]);
        expect(run).toMatchObject({ exitCode: 0 });
        await target.idle();
        expect(received(target.app).map(({ raw }) => raw)).toEqual(
          expect.arrayContaining(entries),
        );
        const one = await read('dead-letters/export?kind=invalid');
        expect(one.text).toContain('{broken');
        expect(one.text.trim().split('\n')).toHaveLength(2);
        expect(
          (await read('dead-letters/export?conversationId=none')).text,
        ).toBe('');
      });
    });

    describe('its stream', () => {
      it('is not held back by compression', async () => {
        const { url } = await start(
          adapter,
          {},
          {
            prepare: async app => {
              if (adapter === 'express') {
                const { default: compression } = await import('compression');
                app.use(compression({ threshold: 0 }));
              } else {
                const { default: compress } = await import('@fastify/compress');
                const fastify = app
                  .getHttpAdapter()
                  .getInstance() as FastifyInstance;
                await fastify.register(compress as never, { threshold: 0 });
              }
            },
          },
        );

        const stream = await openStream(url(`${PATH}/api/stream`));

        await expect.poll(() => stream.named('state').length).toBe(1);
        expect(stream.response.headers.get('content-encoding')).toBe(null);
      });

      it('sends the state, the events as they come and their results', async () => {
        const { app, url, crm } = await start(adapter);
        const { opened, open } = createLatch();
        crm.work = () => opened;
        const stream = await openStream(url(`${PATH}/api/stream`));
        expect(stream.response.headers.get('content-type')).toBe(
          'text/event-stream; charset=utf-8',
        );
        expect(stream.response.headers.get('x-accel-buffering')).toBe('no');
        await expect.poll(() => stream.named('state').length).toBe(1);

        const delivered = deliver(app, [failing(1)]);
        await expect
          .poll(() => stream.named('event').at(-1)?.data)
          .toMatchObject({ seq: 1, results: [{ status: 'running' }] });
        open();
        await delivered;

        await expect
          .poll(() => stream.named('event').at(-1)?.data)
          .toMatchObject({
            seq: 1,
            results: [{ status: 'failed', error: 'the CRM is down' }],
          });
        await expect.poll(() => stream.named('letters').length).toBe(1);
        await expect
          .poll(() => stream.named('state').at(-1)?.data)
          .toMatchObject({ deadLetters: 1 });
        expect(JSON.stringify(stream.events)).not.toContain('fail 1');
      });

      it('keeps accepting deliveries while a browser reads nothing, and reports the events that it missed', async () => {
        const { app, url } = await start(adapter, {
          showText: true,
          keepEvents: 1_000,
        });
        const text = 'x'.repeat(4_000);
        const stream = await new Promise<import('node:http').IncomingMessage>(
          (resolve, reject) => {
            get(url(`${PATH}/api/stream`), { headers: ADMIN }, resolve).on(
              'error',
              reject,
            );
          },
        );
        onTestFinished(() => void stream.destroy());
        stream.pause();
        for (let call = 0; call < 40; call++) {
          await deliverAndWait(
            app,
            Array.from({ length: 100 }, () => userMessage({ Data: text })),
          );
        }
        let read = '';
        stream.setEncoding('utf8').on('data', chunk => (read += chunk));
        stream.resume();

        await expect.poll(() => read).toContain('event: dropped');
        const [, count] = /event: dropped\ndata: \{"count":(\d+)\}/.exec(read)!;
        expect(Number(count)).toBeGreaterThan(0);
        await expect.poll(() => read).toContain('"seq":4000,');
      });

      it('is refused to the browser after the hundredth', async () => {
        const { read, url } = await start(adapter);
        const path = url(`${PATH}/api/stream`);
        const streams = await Promise.all(
          Array.from({ length: 100 }, () => openStream(path)),
        );

        expect(streams.map(({ response }) => response.status)).toEqual(
          Array<number>(100).fill(200),
        );
        expect((await read('stream')).json).toEqual({
          statusCode: 503,
          message: '100 browsers are connected already',
        });
      });

      it('ends when the application closes, even if the browser reads nothing', async () => {
        const { app, url } = await start(adapter);
        const reading = await openStream(url(`${PATH}/api/stream`));
        const silent = request(url(`${PATH}/api/stream`), { headers: ADMIN });
        silent.on('error', () => {});
        silent.end();
        await new Promise(resolve =>
          silent.on('response', response => {
            response.pause();
            resolve(response);
          }),
        );
        onTestFinished(() => void silent.destroy());
        await expect.poll(() => reading.events.length).toBeGreaterThan(0);

        const startedAt = performance.now();
        await app.close();

        expect(performance.now() - startedAt).toBeLessThan(4_000);
        await reading.ended;
      });
    });
  },
);

describeInboxes(({ create }) => {
  it('the inspector shows an event and replays its dead letter', async () => {
    const inbox = create();
    const { app, read, post, crm } = await start('express', {}, {}, { inbox });
    await deliverAndWait(app, [failing(1)]);
    const { json } = await read('dead-letters');
    const [{ id }] = json['letters'] as [{ id: string }];
    crm.failing = false;

    await post('dead-letters/replay', { id });
    await idle(app);

    expect((await read('events')).json).toMatchObject({
      events: [{ seq: 1, results: [{ status: 'done', attempt: 1 }] }],
    });
    expect((await read('state')).json).toMatchObject({
      deadLetters: 0,
      isShared: inbox !== undefined,
    });
    expect((await read('dead-letters')).json).toEqual({ letters: [] });
  });
});
