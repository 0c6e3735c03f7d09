import {
  ForbiddenException,
  HttpException,
  NotFoundException,
  UnauthorizedException,
} from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import {
  attachExchange,
  WebhookExchange,
  writeAnswer,
} from '../../../lib/webhook/webhook.exchange.js';
import { XeniooFilter } from '../../../lib/webhook/xenioo.filter.js';
import { senderAt } from '../../support/sender-at.js';
import { serve } from '../../support/serve.js';
import { startWebhookStatus } from '../../support/start-webhook-status.js';

const WORDS = '{"Type":1,"Data":"Hello from Anna"}';

const HOSTS = {
  Express: (request: IncomingMessage, response: ServerResponse): object[] => [
    request,
    response,
  ],
  Fastify: (request: IncomingMessage, response: ServerResponse): object[] => [
    { raw: request },
    { raw: response, hijack() {} },
  ],
};

interface Thrown {
  readonly host?: keyof typeof HOSTS;
  /** Whether the gate has authenticated the call. */
  readonly isAuthenticated?: boolean;
  /** What was written before the error came. */
  readonly before?: (response: ServerResponse) => void;
}

/** What a caller gets, and who is told, when something of the host throws. */
async function thrown(
  error: unknown,
  { host = 'Express', isAuthenticated = true, before = () => {} }: Thrown = {},
) {
  const { status: recorder, logs, heard } = await startWebhookStatus();
  const bot = { name: 'support', secrets: ['right-secret'] };
  const id = Symbol('xenioo/webhook');
  const route = { id, controller: class {}, hasDecorators: false };
  const filter = new XeniooFilter(route, recorder);
  let isAnswered = false;
  const { url } = await serve((request, response) => {
    if (isAuthenticated) {
      const exchange = new WebhookExchange(response, recorder);
      exchange.setBot(bot);
      exchange.setBody({ text: WORDS, isBase64: false });
      attachExchange(request, id, exchange);
    }
    before(response);
    filter.catch(
      error,
      new ExecutionContextHost(HOSTS[host](request, response)),
    );
    isAnswered = response.writableEnded;
    response.end();
  });
  const answered = await senderAt(url).call(WORDS);
  const { status, body: text, headers } = answered;
  expect(JSON.stringify([logs.lines, heard])).not.toMatch(/Anna|right-secret/);
  return { status, text, headers, isAnswered, recorder, logs, heard };
}

describe.each(['Express', 'Fastify'] as const)('on %s', host => {
  it('an error of the host is answered 503 with nothing in it', async () => {
    const { status, text } = await thrown(new Error('cache is down'), { host });

    expect({ status, text }).toEqual({ status: 503, text: '' });
  });

  it('a call that our own guard refused keeps its answer', async () => {
    const { status, text, headers, recorder, logs } = await thrown(
      new ForbiddenException(),
      {
        host,
        isAuthenticated: false,
        before: response => writeAnswer(response, 401),
      },
    );

    expect({ status, text }).toEqual({ status: 401, text: '' });
    expect(headers['www-authenticate']).toBe('Bearer');
    expect(recorder.strikes).toBe(0);
    expect(logs.lines).toEqual([]);
  });

  it('a call that a guard of the host denied before ours saw it has an answer too', async () => {
    const { isAnswered } = await thrown(new ForbiddenException(), {
      host,
      isAuthenticated: false,
    });

    expect(isAnswered).toBe(true);
  });

  it('an error after the answer is a log line, and no more', async () => {
    const { status, text, recorder, logs, heard } = await thrown(
      new Error('metrics are down'),
      { host, before: response => response.writeHead(200).end() },
    );

    expect({ status, text }).toEqual({ status: 200, text: '' });
    expect(recorder.strikes).toBe(0);
    expect(heard).toEqual([]);
    expect(logs.ofXenioo()).toEqual([
      expect.stringMatching(
        /the answer is not affected: metrics are down\nError: metrics are down\n/,
      ),
    ]);
  });
});

describe('what is no denial', () => {
  it.each([
    ['an error', new Error('down')],
    ['an HTTP error of the host', new NotFoundException('down')],
    ['one of success', new HttpException('down', 200)],
    ['one of the server', new HttpException('down', 500)],
    ['text', 'down'],
    ['nothing', undefined],
    ['a bare object', Object.create(null)],
  ])('is answered 503, a strike: %s', async (_what, error: unknown) => {
    const { status, recorder, heard } = await thrown(error);

    expect(status).toBe(503);
    expect(recorder.strikes).toBe(1);
    expect(heard).toMatchObject([
      ['xenioo.strike', { status: 503, bot: 'support' }],
    ]);
  });

  it('is logged with its stack, before the strike', async () => {
    const { logs } = await thrown(new Error('cache is down'));

    expect(logs.ofXenioo('error')).toEqual([
      expect.stringMatching(
        /threw on a webhook call, which is answered 503: cache is down\nError: cache is down\n/,
      ),
      expect.stringMatching(/^Strike 1: answered 503 to bot support: /),
    ]);
  });
});

describe('a denial of the host', () => {
  it.each([
    [401, 'Public', new UnauthorizedException()],
    [403, 'Public', new ForbiddenException()],
    [429, 'SkipThrottle', new HttpException('Too many requests', 429)],
  ])(
    'of %i is answered so, a strike whose advice names %s()',
    async (expected, decorator, error) => {
      const { status, text, logs, heard } = await thrown(error);

      expect({ status, text }).toEqual({ status: expected, text: '' });
      expect(heard).toMatchObject([['xenioo.strike', { status: expected }]]);
      expect(logs.ofXenioo()).toEqual([
        expect.stringMatching(
          new RegExp(
            `^Strike 1: answered ${expected} .*\`decorators: \\[${decorator}\\(\\)\\]\``,
          ),
        ),
      ]);
    },
  );
});
