import {
  Body,
  Controller,
  Headers,
  HttpCode,
  Post,
  UnauthorizedException,
  ValidationPipe,
  type INestApplication,
} from '@nestjs/common';
import express from 'express';
import type { FastifyInstance } from 'fastify';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { startHost } from '../support/host-app.js';
import {
  hasSecret,
  parsed,
  plainEndpoint,
  SECRET,
  type PlainAnswer,
} from '../support/plain-endpoint.js';
import { examineWithDoctor, runDoctor } from '../support/run-doctor.js';
import { serve } from '../support/serve.js';
import { startSample } from '../support/start-sample.js';

const CERTIFICATE = fileURLToPath(
  new URL('../fixtures/self-signed.pem', import.meta.url),
);

const [ADDRESS] = Object.values(networkInterfaces())
  .flatMap(addresses => addresses ?? [])
  .filter(({ family, internal }) => family === 'IPv4' && !internal)
  .map(({ address }) => address);

// A busy machine takes its time to start processes.
vi.setConfig({ testTimeout: 30_000 });

/** There it may also take longer than 2 s over 5 MB. */
const PATIENCE = { retry: 2 };

/** Examines an endpoint that is as it should be but for what `answer` does. */
async function examineEndpoint(answer?: PlainAnswer, args: string[] = []) {
  const { url } = await serve(plainEndpoint(answer));
  return examineWithDoctor(`${url}/hook`, { secret: SECRET, args });
}

/** Answers calls that carry the right secret, and whose body is so. */
function answering(
  status: number,
  isSo: (body: unknown, text: string) => boolean,
): PlainAnswer {
  return ({ request, response, text }) => {
    if (!hasSecret(request) || !isSo(parsed(text), text)) return false;
    return response.writeHead(status).end();
  };
}

const HEALTHY = { findings: 0, remarks: 0, skipped: 0 };

describe('an endpoint that does what Xenioo expects', () => {
  it.each([
    ['01-quickstart', 'the-secret-of-01'],
    ['02-config', 'support-secret'],
    ['03-durable', 'the-secret-of-03'],
  ])('passes: sample/%s', PATIENCE, async (name, secret) => {
    const base = await mkdtemp(join(tmpdir(), 'doctor-'));
    onTestFinished(() => rm(base, { recursive: true }));
    const url = await startSample(name, {
      XENIOO_SECRET: secret,
      XENIOO_INBOX: join(base, 'inbox'),
      NODE_ENV: 'development',
      CRM: 'up',
    });

    const { exitCode, stdout, stderr } = await runDoctor(url, { secret });

    expect(stdout).not.toMatch(/^[✗!]/m);
    expect(stdout).toMatch(/✓ As Xenioo expects \(28 checks, \d+ calls/);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
  });

  it('passes without a framework', async () => {
    const { examination, exitCode } = await examineEndpoint();

    expect(examination).toMatchObject(HEALTHY);
    expect(exitCode).toBe(0);
  });

  it('gets events that its handlers can tell apart', async () => {
    const entries: Record<string, unknown>[] = [];
    await examineEndpoint(({ text }) => {
      entries.push(...[parsed(text) ?? []].flat().map(entry => Object(entry)));
      return false;
    });

    const others = entries.filter(
      ({ Channel, ConversationId }) =>
        Channel !== 'DoctorChannel' ||
        !String(ConversationId).startsWith('nestjs-xenioo-doctor'),
    );
    expect(others).toEqual([
      expect.objectContaining({ Type: 1, Data: null }),
      { Type: 1 },
    ]);
    expect(entries.length).toBeGreaterThan(1_000);
    expect(entries.length).toBeLessThan(1_200);
    expect(entries.some(({ BotToken }) => Boolean(BotToken))).toBe(false);
  });

  it('gets the token of the bot if it wants one', async () => {
    const wantsToken = answering(
      400,
      (_body, text) =>
        text.startsWith('{"Type":1,"It') && !text.includes('"BotToken":"t0"'),
    );

    const without = await examineEndpoint(wantsToken);
    const given = await examineEndpoint(wantsToken, ['--bot-token', 't0']);

    expect(without.check('object')).toMatchObject({
      outcome: 400,
      mend: expect.stringContaining('--bot-token'),
    });
    expect(given.check('object')).toMatchObject({ severity: 'ok' });
  });
});

describe('when its advice is followed', () => {
  @Controller('xenioo/webhook')
  class ByHand {
    @Post()
    @HttpCode(200)
    receive(
      @Headers('authorization') authorization: string | undefined,
      @Body() _body: unknown,
    ): void {
      if (authorization?.replace(/^bearer /i, '') !== SECRET) {
        throw new UnauthorizedException();
      }
    }
  }

  const readAsText = {
    express: (app: INestApplication) =>
      app.use(
        '/xenioo/webhook',
        express.text({ type: () => true, limit: '10mb' }),
      ),
    fastify: (app: INestApplication) => {
      const server = app.getHttpAdapter().getInstance() as FastifyInstance;
      server.removeAllContentTypeParsers();
      server.addContentTypeParser(
        '*',
        { parseAs: 'string', bodyLimit: 10_485_760 },
        (_request, text, done) => done(null, text),
      );
    },
  };

  it.each(['express', 'fastify'] as const)(
    'finds nothing in a controller written by hand, on %s',
    async adapter => {
      const { url } = await startHost(
        adapter,
        { controllers: [ByHand] },
        {
          options: { bodyParser: adapter === 'express' },
          prepare: app => {
            app.useGlobalPipes(
              new ValidationPipe({
                whitelist: true,
                forbidNonWhitelisted: true,
              }),
            );
            readAsText[adapter](app);
          },
        },
      );

      const { findings, examination } = await examineWithDoctor(
        url('/xenioo/webhook'),
        { secret: SECRET },
      );

      expect(findings).toEqual([]);
      expect(examination).toMatchObject(HEALTHY);
    },
  );
});

describe('when it can not be called', () => {
  it('says that nobody listens', async () => {
    const { exitCode, stdout } = await runDoctor('http://127.0.0.1:1/hook', {
      secret: SECRET,
    });

    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/✗ the connection\n/);
    expect(stdout).toContain('nobody listens there (ECONNREFUSED)');
    expect(stdout).toContain('It can not be called. 27 checks not made.');
    expect(stdout).toContain('✗ 1 finding (1 check, 1 call');
  });

  it('says that there was no answer in time', async () => {
    const { exitCode, examination, check } = await examineEndpoint(() => {}, [
      '--timeout',
      '300ms',
    ]);

    expect(exitCode).toBe(1);
    expect(check('connection')).toMatchObject({
      outcome: 'timeout',
      got: 'no answer within 300 ms',
    });
    expect(examination).toMatchObject({ findings: 1, calls: 1 });
  });

  it('says that connections are closed', async () => {
    const { exitCode, check } = await examineEndpoint(({ request }) =>
      request.socket.destroy(),
    );

    expect(exitCode).toBe(1);
    expect(check('connection')?.got).toBe(
      'the connection was closed before an answer came (ECONNRESET)',
    );
  });

  it('tells what it got to know when it is interrupted', async () => {
    let interrupt = () => {};
    const { url } = await serve(
      plainEndpoint(({ text }) => {
        if (text !== '[]') return false;
        interrupt();
        return true;
      }),
    );
    const { exitCode, stdout } = await runDoctor(url, {
      secret: SECRET,
      onStart: doctor => (interrupt = () => doctor.kill('SIGINT')),
    });

    expect(exitCode).toBe(1);
    expect(stdout).toContain('✓ an array of events');
    expect(stdout).toContain('It was interrupted. 21 checks not made.');
    expect(stdout).toContain('! No finding so far (7 checks, ');
  });

  it.each([404, 405, 308])(
    'stops at a %s, and says where to look',
    async status => {
      const { exitCode, examination, check } = await examineEndpoint(
        ({ request, response }) => {
          const key = encodeURIComponent(request.headers.authorization!);
          response
            .writeHead(status, {
              location: `https://elsewhere.example/?${key}`,
            })
            .end();
        },
      );

      expect(exitCode).toBe(1);
      expect(examination).toMatchObject({ findings: 1, calls: 1 });
      expect(check('object')?.mend).toMatch(/prefix|https:\/\/elsewhere/);
    },
  );

  it('stops where a proxy answers for the app', async () => {
    const { url } = await serve(
      plainEndpoint(({ response }) =>
        response
          .writeHead(502, { 'content-type': 'text/html' })
          .end('<html>\n<h1>502 Bad Gateway</h1>\n</html>'),
      ),
    );
    const { exitCode, stdout } = await runDoctor(url, { secret: SECRET });

    expect(exitCode).toBe(1);
    expect(stdout).toContain(
      'got       502 Bad Gateway: <html> <h1>502 Bad Gateway</h1> </html>',
    );
    expect(stdout).toMatch(
      /It takes an event neither as an object nor in an\s+array/,
    );
    expect(stdout).toContain('✗ 1 finding (3 checks, 2 calls');
  });
});

describe('the certificate', () => {
  async function startTls(): Promise<string> {
    const pem = await readFile(CERTIFICATE);
    const server: Server = createTlsServer(
      { key: pem, cert: pem },
      plainEndpoint(),
    );
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `https://localhost:${(server.address() as AddressInfo).port}/hook`;
  }

  it('is found if nobody known has signed it', async () => {
    const { exitCode, check } = await examineWithDoctor(await startTls(), {
      secret: SECRET,
    });

    expect(exitCode).toBe(1);
    expect(check('connection')).toMatchObject({
      outcome: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      mend: expect.stringContaining("Let's Encrypt"),
    });
  });

  it('is fine if Node.js trusts it', async () => {
    const { exitCode, check } = await examineWithDoctor(await startTls(), {
      secret: SECRET,
      environment: { NODE_EXTRA_CA_CERTS: CERTIFICATE },
    });

    expect(exitCode).toBe(0);
    expect(check('connection')?.note).toBe(
      'https, with a certificate that Node.js trusts',
    );
  });

  it.skipIf(!ADDRESS)(
    'is missed, with a remark, where the way is open to others',
    async () => {
      const { port } = await serve(plainEndpoint(), '0.0.0.0');

      const { exitCode, remarks } = await examineWithDoctor(
        `http://${ADDRESS}:${port}/hook`,
        { secret: SECRET },
      );

      expect(remarks).toEqual(['connection']);
      expect(exitCode).toBe(0);
    },
  );
});

describe('the secret', () => {
  it.each([401, 403])(
    'ends it all when it is refused with %s',
    async status => {
      const { exitCode, examination, check } = await examineEndpoint(
        ({ response }) => response.writeHead(status).end(),
      );

      expect(exitCode).toBe(1);
      expect(examination).toMatchObject({
        findings: 1,
        calls: 1,
        stopped: 'The right secret is refused.',
      });
      expect(check('object')?.mend).toContain('API Secret of the bot');
    },
  );

  it.each([
    ['takes any', () => true, ['wrong-secret', 'missing-secret']],
    [
      'looks at its beginning alone',
      (header = '') => header.startsWith(`Bearer ${SECRET}`),
      ['wrong-secret'],
    ],
  ])('is asked for by an endpoint that %s', async (_, isRight, expected) => {
    const { exitCode, findings } = await examineEndpoint(
      ({ request, response }) =>
        response
          .writeHead(isRight(request.headers.authorization) ? 200 : 401)
          .end(),
    );

    expect(findings).toEqual(expected);
    expect(exitCode).toBe(1);
  });

  it('may be refused with 403, with a remark', async () => {
    const { exitCode, remarks } = await examineEndpoint(
      ({ request, response }) =>
        !hasSecret(request) && response.writeHead(403).end(),
    );

    expect(remarks).toEqual(['wrong-secret', 'missing-secret']);
    expect(exitCode).toBe(0);
  });

  it('is masked where the endpoint tells it back, in one short line', async () => {
    const { url } = await serve(
      plainEndpoint(({ request, response, text }) => {
        if (text !== '[]') return false;
        const { authorization } = request.headers;
        const told = `\u001B[2J${authorization}\n at line 1\n${'x'.repeat(500)}`;
        return response.writeHead(500).end(told + JSON.stringify(told));
      }),
    );

    const { check } = await examineWithDoctor(url, { secret: SECRET });

    const { got } = check('empty-array')!;
    expect(got).toContain(
      '500 Internal Server Error: [2JBearer ******** at line 1 x',
    );
    expect(got!.length).toBeLessThan(240);
    expect(got).not.toMatch(/\p{Cc}/u);
  });
});

describe('a mistake', () => {
  it.each<[string, PlainAnswer]>([
    ['array', answering(400, body => Array.isArray(body) && body.length === 2)],
    ['empty-array', answering(500, (_body, text) => text === '[]')],
    ['unknown-type', answering(400, body => Object(body).Type === 99)],
    ['every-type', answering(400, body => Object(body).Type === 7)],
    ['null-fields', answering(500, body => Object(body).Data === null)],
    ['only-type', answering(400, (_body, text) => text === '{"Type":1}')],
    ['seven-digits', answering(400, body => /\.\d{7}/.test(Object(body).Date))],
    ['variables', answering(400, body => 'city' in Object(body))],
    [
      'any-characters',
      answering(500, (_body, text) => text.includes('\\u0000')),
    ],
    [
      'broken-json',
      answering(400, (body, text) => text !== '' && body === undefined),
    ],
    ['empty-body', answering(400, (_body, text) => text === '')],
    ['group-100kb', answering(413, (_body, text) => text.length > 102_400)],
    ['group-5mb', answering(413, (_body, text) => text.length > 1_048_576)],
  ])('is found by itself: %s', async (id, answer) => {
    const { exitCode, findings, check } = await examineEndpoint(answer);

    expect(findings).toEqual([id]);
    expect(check(id)).toMatchObject({
      expected: '200',
      why: expect.any(String),
      mend: expect.any(String),
    });
    expect(exitCode).toBe(1);
  });

  it.each([
    ['content-type-charset', /charset/],
    ['content-type-none', /^$/],
    ['content-type-text', /text/],
    ['content-type-form', /form/],
  ])('of the content type is found: %s', async (id, pattern) => {
    const { findings } = await examineEndpoint(
      ({ request: { headers }, response }) =>
        pattern.test(headers['content-type'] ?? '') &&
        response.writeHead(415).end(),
    );

    expect(findings).toEqual([id]);
  });

  it('is a connection that is closed in the middle of a big body', async () => {
    const endpoint = plainEndpoint();
    const { url } = await serve((request, response) => {
      const isBig = Number(request.headers['content-length']) > 1_000_000;
      if (isBig) request.socket.destroy();
      else endpoint(request, response);
    });

    const { findings, check } = await examineWithDoctor(url, {
      secret: SECRET,
    });

    expect(findings).toEqual(['group-5mb']);
    expect(check('group-5mb')?.mend).toContain('a limit of its size');
  });

  it('is found by the types that it concerns', async () => {
    const { check } = await examineEndpoint(
      answering(400, body => /^[37]$/.test(Object(body).Type)),
    );

    expect(check('every-type')?.got).toBe('type 3, 7: 400 Bad Request');
  });

  it('is found in bodies without a length', async () => {
    const { findings } = await examineEndpoint(
      ({ request: { headers }, response }) =>
        !headers['content-length'] && response.writeHead(411).end(),
    );

    expect(findings).toEqual(['chunked']);
  });

  it('is found in the second of two equal events', async () => {
    const known = new Set<string>();
    const { findings } = await examineEndpoint(
      answering(409, (_body, text) => {
        const isKnown = known.has(text) && text.includes('Date');
        known.add(text);
        return isKnown;
      }),
    );

    expect(findings).toEqual(['twice']);
  });

  it('is found in calls that come at once', async () => {
    const known = new Set<string>();
    let holdMs = 0;
    let open = 0;
    const { findings, check } = await examineEndpoint(
      async ({ response, text }) => {
        // The check before it is that of the same event twice.
        if (text.includes('Date') && known.has(text)) holdMs = 300;
        known.add(text);
        open += 1;
        const isOneOfMany = open > 1;
        await new Promise(resolve => setTimeout(resolve, holdMs));
        open -= 1;
        return isOneOfMany && response.writeHead(503).end();
      },
    );

    expect(findings).toEqual(['at-once']);
    expect(check('at-once')?.got).toMatch(/^\d of 10 calls: 503/);
  });

  it('is an answer that takes longer than 2 s', async () => {
    const { findings, check } = await examineEndpoint(async ({ text }) => {
      if (text === '[]') await new Promise(done => setTimeout(done, 2_050));
      return false;
    });

    expect(findings).toEqual(['slowest']);
    expect(check('slowest')?.got).toMatch(/^2\.\d s: an empty array$/);
  });

  it('that all answers share is told once', async () => {
    const { findings, check, stdout } = await examineEndpoint(
      ({ request, response }) =>
        hasSecret(request) && response.writeHead(204).end(),
    );

    expect(findings).toEqual(['object']);
    expect(check('array')).toMatchObject({ sameAs: 'object', severity: 'ok' });
    expect(stdout.match(/@HttpCode/g)).toHaveLength(1);
  });

  it('of a rate limit is told once', async () => {
    let calls = 0;
    const { findings, check } = await examineEndpoint(
      ({ response }) => ++calls > 20 && response.writeHead(429).end(),
    );

    expect(findings).toHaveLength(1);
    expect(check(findings[0]!)?.mend).toContain('@SkipThrottle()');
  });

  it('is to take nothing but arrays; the rest is tried in arrays', async () => {
    const { findings, check } = await examineEndpoint(
      answering(400, body => !Array.isArray(body)),
    );

    expect(findings).toEqual(['object', 'broken-json', 'empty-body']);
    expect(check('unknown-type')).toMatchObject({ severity: 'ok' });
  });

  it('may end the endpoint: then it says after what', async () => {
    const { url } = await serve(
      plainEndpoint(({ request, text }) => {
        if (parsed(text) !== undefined || text === '') return false;
        const { server } = request.socket as unknown as { server: Server };
        server.close();
        server.closeAllConnections();
        return true;
      }),
    );

    const { exitCode, check, examination } = await examineWithDoctor(url, {
      secret: SECRET,
    });

    expect(exitCode).toBe(1);
    expect(check('broken-json')?.ends).toMatch(
      /does not answer any more: .*ECONNREFUSED/,
    );
    expect(examination).toMatchObject({ findings: 1 });
  });
});

describe('what costs nothing', () => {
  it('is a remark: a body in the answer', async () => {
    const { exitCode, remarks, check } = await examineEndpoint(
      ({ request, response }) =>
        hasSecret(request) && response.writeHead(200).end('{"ok":true}'),
    );

    expect(remarks).toEqual(['object']);
    expect(check('object')?.got).toBe('200 OK: {"ok":true}');
    expect(exitCode).toBe(0);
  });

  it('is a remark: a connection for each call', async () => {
    const { exitCode, remarks } = await examineEndpoint(({ response }) => {
      response.setHeader('connection', 'close');
      return false;
    });

    expect(remarks).toEqual(['keep-alive']);
    expect(exitCode).toBe(0);
  });
});

describe('the command', () => {
  it('shows neither secret nor query of the URL', async () => {
    const { url } = await serve(plainEndpoint());

    const { stdout } = await runDoctor(`${url}/hook?key=sesame`, {
      secret: SECRET,
    });

    expect(stdout).toContain(`${url}/hook?…`);
    expect(stdout).not.toContain('sesame');
  });

  it('asks for a URL', async () => {
    const { exitCode, stderr } = await runDoctor(undefined, { secret: SECRET });

    expect(exitCode).toBe(2);
    expect(stderr).toContain('No URL: give one');
  });

  it('ends with 2 where it does not know what to call', async () => {
    const { exitCode, stdout } = await runDoctor('localhost:3000', {
      secret: SECRET,
    });

    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
  });

  it('tells in its help what it sends', async () => {
    const { exitCode, stdout } = await runDoctor('--help', { secret: SECRET });

    expect(exitCode).toBe(0);
    expect(stdout).toContain('DoctorChannel');
    expect(stdout).toMatch(/1,100/);
  });
});
