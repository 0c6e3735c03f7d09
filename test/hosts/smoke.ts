import 'reflect-metadata';
import type { LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { UserMessageEvent, XeniooInbox } from 'nestjs-xenioo';
import { XeniooHealthIndicator } from 'nestjs-xenioo/terminus';
import type { AddressInfo } from 'node:net';
import { AppModule, ReceivedEvents, SECRET } from './app.js';

/** Comparison that `run.mjs` reads from the output of this process. */
interface Check {
  readonly name: string;
  readonly expected: unknown;
  readonly got: unknown;
}

const [, , adapter, format, node, nest] = process.argv;

/** Boots the host on a free port, calls it as Xenioo does and closes it. The process must exit then. */
async function smoke(): Promise<Check[]> {
  const logged: string[] = [];
  const warned: string[] = [];
  const app = await NestFactory.create(
    AppModule,
    adapter === 'fastify' ? new FastifyAdapter() : new ExpressAdapter(),
    { logger: recorder(logged, warned), abortOnError: false },
  );
  app.setGlobalPrefix('api');
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/api/xenioo/webhook`;
  const received = app.get(ReceivedEvents);
  const inbox = app.get(XeniooInbox, { strict: false });

  const checks: Check[] = [];
  const check = (name: string, got: unknown, expected: unknown) =>
    checks.push({ name, expected, got });
  /** Returns the status, the text and the number of handled events. */
  const send = async (
    body: string,
    { to = url, type = 'application/json' } = {},
  ) => {
    const before = received.all.length;
    const response = await post(to, body, { 'content-type': type });
    const text = await response.text();
    await inbox.idle();
    return [response.status, text, received.all.length - before];
  };

  check(
    'the format and the Node.js version',
    [typeof require === 'undefined' ? 'esm' : 'cjs', process.version],
    [format, node],
  );
  check(
    'the final URL is logged',
    logged.filter(line => line.startsWith('POST ')),
    ['POST /api/xenioo/webhook receives the events of default'],
  );

  const config = new DocumentBuilder().addBearerAuth().build();
  const { paths } = SwaggerModule.createDocument(app, config);
  const operation = paths['/api/xenioo/webhook']?.post;
  check(
    'the OpenAPI document describes the webhook, and each event twice: alone and in an array',
    [
      operation?.security,
      JSON.stringify(operation?.requestBody).match(/"title":"\w+Event"/g)
        ?.length,
      Object.keys(operation?.responses ?? {}),
    ],
    [[{ bearer: [] }], 30, ['200', '400', '401', '408', '413', '503']],
  );

  check('an object', await send('{"Type":1,"Data":"Hello!"}'), [200, '', 1]);
  check(
    'a typed handler gets an event of its class',
    received.messages.map(event => [
      event instanceof UserMessageEvent,
      event.text,
    ]),
    [[true, 'Hello!']],
  );
  const [message] = received.messages;
  check(
    'a handler on a controller gets the same event',
    received.onController.map(event => event === message),
    [true],
  );
  check(
    'a request-scoped handler gets it, also as REQUEST',
    received.requestScoped.map(({ event, request }) => [
      event === message,
      request === message,
    ]),
    [[true, true]],
  );
  check(
    'the event emitter emits it',
    received.onEmitter.map(event => event === message),
    [true],
  );

  await send('{"Type":10}');
  await send('{"Type":11}');
  check(
    'guards, interceptors and filters of a handler run, global ones do not',
    received.guarded,
    ['guard take-over', 'interceptor', 'filter take-over', 'guard hand-over'],
  );

  check(
    'an array',
    await send('[{"Type":0,"Data":"Hi"},{"Type":8},{"Type":99}]'),
    [200, '', 3],
  );
  check('an empty array', await send('[]'), [200, '', 0]);
  check(
    'an odd content type',
    await send('{"Type":1}', { type: 'text/plain; charset=odd' }),
    [200, '', 1],
  );
  check('a trailing slash', await send('{"Type":1}', { to: `${url}/` }), [
    200,
    '',
    1,
  ]);
  check('broken JSON', await send('{"Type":1,"Da'), [200, '', 0]);
  check(
    '@OnXeniooInvalid() gets the broken body',
    received.invalid.map(({ reason, raw }) => [reason, raw]),
    [['not-json', '{"Type":1,"Da']],
  );

  const health = app.get(XeniooHealthIndicator, { strict: false });
  const { xenioo } = await health.isHealthy('xenioo');
  check(
    'the health check warns of its dead letter, as this Terminus can',
    [xenioo.status, xenioo['warnings']],
    [
      nest?.startsWith('11.') ? 'up' : 'degraded',
      ['dead letters: 1 (limit: 0)'],
    ],
  );

  const refused = await post(url, '{"Type":1}', {
    authorization: 'Bearer wrong-secret',
  });
  await inbox.idle();
  check(
    'a wrong secret',
    [
      refused.status,
      refused.headers.get('www-authenticate'),
      await refused.text(),
      received.all.length,
    ],
    [401, 'Bearer', '', 8],
  );

  check(
    'the log has only this warning',
    warned.map(line => line.replace(/ from .*?:/, ':')),
    ['Answered 401 to a call: its secret is not configured'],
  );

  await app.close();
  check(
    'a closed host does not answer',
    await post(url, '{"Type":1}').then(
      ({ status }) => status,
      () => 'refused',
    ),
    'refused',
  );
  return checks;
}

function post(url: string, body: string, headers: Record<string, string> = {}) {
  return fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${SECRET}`, ...headers },
    body,
  });
}

function recorder(logged: string[], warned: string[]): LoggerService {
  const log = (line: unknown) => void logged.push(String(line));
  const warn = (line: unknown) => void warned.push(String(line));
  return { log, warn, error: warn, fatal: warn };
}

smoke().then(
  checks => console.log(JSON.stringify(checks)),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
