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

interface CallOptions {
  readonly host?: keyof typeof HOSTS;
  /** Attaches an authenticated exchange to the call. */
  readonly isAuthenticated?: boolean;
  /** Writes to the response before the error is thrown. */
  readonly before?: (response: ServerResponse) => void;
}

/** Passes an error of the host to the filter, and returns the answer, logs and events. */
async function catchError(
  error: unknown,
  {
    host = 'Express',
    isAuthenticated = true,
    before = () => {},
  }: CallOptions = {},
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

describe.each(['Express', 'Fastify'] as const)('XeniooFilter on %s', host => {
  it('answers an error of the host with an empty 503', async () => {
    const { status, text } = await catchError(new Error('cache is down'), {
      host,
    });

    expect({ status, text }).toEqual({ status: 503, text: '' });
  });

  it('keeps the answer of a call that XeniooGuard refused', async () => {
    const { status, text, headers, recorder, logs } = await catchError(
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

  it('answers a call that a guard of the host denied before XeniooGuard', async () => {
    const { isAnswered } = await catchError(new ForbiddenException(), {
      host,
      isAuthenticated: false,
    });

    expect(isAnswered).toBe(true);
  });

  it('only logs an error that follows the answer', async () => {
    const { status, text, recorder, logs, heard } = await catchError(
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

describe('XeniooFilter on an error other than a denial', () => {
  it.each([
    ['an error', new Error('down')],
    ['an HTTP error of the host', new NotFoundException('down')],
    ['one of success', new HttpException('down', 200)],
    ['one of the server', new HttpException('down', 500)],
    ['text', 'down'],
    ['nothing', undefined],
    ['a bare object', Object.create(null)],
  ])('answers 503 and counts a strike: %s', async (_what, error: unknown) => {
    const { status, recorder, heard } = await catchError(error);

    expect(status).toBe(503);
    expect(recorder.strikes).toBe(1);
    expect(heard).toMatchObject([
      ['xenioo.strike', { status: 503, bot: 'support' }],
    ]);
  });

  it('logs the error with its stack before the strike', async () => {
    const { logs } = await catchError(new Error('cache is down'));

    expect(logs.ofXenioo('error')).toEqual([
      expect.stringMatching(
        /threw on a webhook call, which is answered 503: cache is down\nError: cache is down\n/,
      ),
      expect.stringMatching(/^Strike 1: answered 503 to bot support: /),
    ]);
  });
});

describe('XeniooFilter on a denial of the host', () => {
  it.each([
    [401, 'Public', new UnauthorizedException()],
    [403, 'Public', new ForbiddenException()],
    [429, 'SkipThrottle', new HttpException('Too many requests', 429)],
  ])(
    'answers %i and counts a strike whose advice names %s()',
    async (expected, decorator, error) => {
      const { status, text, logs, heard } = await catchError(error);

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
