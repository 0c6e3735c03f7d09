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
  jsonOf,
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

// Starting processes takes long on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

/** A busy machine may also take longer than 2 s for 5 MB. */
const RETRIES = { retry: 2 };

/** Examines an endpoint that is correct except for `answer`. */
async function examineEndpoint(answer?: PlainAnswer, args: string[] = []) {
  const { url } = await serve(plainEndpoint(answer));
  return examineWithDoctor(`${url}/hook`, { secret: SECRET, args });
}

/** Answers calls with the right secret and a matching body. */
function answering(
  status: number,
  matches: (body: unknown, text: string) => boolean,
): PlainAnswer {
  return ({ request, response, text }) => {
    if (!hasSecret(request) || !matches(jsonOf(text), text)) return false;
    return response.writeHead(status).end();
  };
}

const HEALTHY = { findings: 0, warnings: 0, skipped: 0 };

describe('doctor, for an endpoint that does what Xenioo expects', () => {
  it.each([
    ['01-quickstart', 'the-secret-of-01'],
    ['02-config', 'support-secret'],
    ['03-durable', 'the-secret-of-03'],
  ])('reports no finding for sample/%s', RETRIES, async (name, secret) => {
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
    expect(stdout).toMatch(/✓ No findings \(28 checks, \d+ calls/);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
  });

  it('reports no finding for an endpoint without a framework', async () => {
    const { examination, exitCode } = await examineEndpoint();

    expect(examination).toMatchObject(HEALTHY);
    expect(exitCode).toBe(0);
  });

  it('sends events that handlers can recognise', async () => {
    const entries: Record<string, unknown>[] = [];
    await examineEndpoint(({ text }) => {
      entries.push(...[jsonOf(text) ?? []].flat().map(entry => Object(entry)));
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

  it('sends the BotToken of --bot-token', async () => {
    const wantsToken = answering(
      400,
      (_body, text) =>
        text.startsWith('{"Type":1,"It') && !text.includes('"BotToken":"t0"'),
    );

    const without = await examineEndpoint(wantsToken);
    const given = await examineEndpoint(wantsToken, ['--bot-token', 't0']);

    expect(without.check('object')).toMatchObject({
      outcome: 400,
      fix: expect.stringContaining('--bot-token'),
    });
    expect(given.check('object')).toMatchObject({ severity: 'ok' });
  });
});

describe('doctor, after its fixes are applied', () => {
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
    'reports no finding for a hand-written controller on %s',
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

describe('doctor, for an unreachable endpoint', () => {
  it('reports a refused connection', async () => {
    const { exitCode, stdout } = await runDoctor('http://127.0.0.1:1/hook', {
      secret: SECRET,
    });

    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/✗ connection\n/);
    expect(stdout).toContain('connection refused (ECONNREFUSED)');
    expect(stdout).toContain(
      'The endpoint can’t be reached. Skipped 27 checks.',
    );
    expect(stdout).toContain('✗ 1 finding (1 check, 1 call');
  });

  it('reports a missing answer', async () => {
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

  it('reports closed connections', async () => {
    const { exitCode, check } = await examineEndpoint(({ request }) =>
      request.socket.destroy(),
    );

    expect(exitCode).toBe(1);
    expect(check('connection')?.got).toBe(
      'connection reset by peer (ECONNRESET)',
    );
  });

  it('prints its findings when it is interrupted', async () => {
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
    expect(stdout).toContain('Interrupted. Skipped 21 checks.');
    expect(stdout).toContain('! No findings so far (7 checks, ');
  });

  it.each([
    [404, /prefix/],
    [405, /POST/],
    [308, /https:\/\/elsewhere.*final URL/s],
  ])('stops at a %s and names the likely cause', async (status, advice) => {
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
    expect(`${check('object')?.got}\n${check('object')?.fix}`).toMatch(advice);
  });

  it('stops when a proxy answers instead of the application', async () => {
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
      'Got:       502 Bad Gateway: <html> <h1>502 Bad Gateway</h1> </html>',
    );
    expect(stdout).toMatch(
      /An event is accepted neither as an object nor in\s+an\s+array/,
    );
    expect(stdout).toContain('✗ 1 finding (3 checks, 2 calls');
  });
});

describe('doctor, over TLS', () => {
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

  it('reports a self-signed certificate', async () => {
    const { exitCode, check } = await examineWithDoctor(await startTls(), {
      secret: SECRET,
    });

    expect(exitCode).toBe(1);
    expect(check('connection')).toMatchObject({
      outcome: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      fix: expect.stringContaining("Let's Encrypt"),
    });
  });

  it('accepts a certificate that Node.js trusts', async () => {
    const { exitCode, check } = await examineWithDoctor(await startTls(), {
      secret: SECRET,
      environment: { NODE_EXTRA_CA_CERTS: CERTIFICATE },
    });

    expect(exitCode).toBe(0);
    expect(check('connection')?.note).toBe(
      'https, with a certificate that Node.js trusts',
    );
  });

  it.skipIf(!ADDRESS)('warns about plain HTTP to another machine', async () => {
    const { port } = await serve(plainEndpoint(), '0.0.0.0');

    const { exitCode, warnings } = await examineWithDoctor(
      `http://${ADDRESS}:${port}/hook`,
      { secret: SECRET },
    );

    expect(warnings).toEqual(['connection']);
    expect(exitCode).toBe(0);
  });
});

describe('doctor, checking the secret', () => {
  it.each([401, 403])(
    'stops when the right secret is refused with %s',
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
      expect(check('object')?.fix).toContain('API Secret of the bot');
    },
  );

  it.each([
    ['accepts any secret', () => true, ['wrong-secret', 'missing-secret']],
    [
      'compares the start of the secret alone',
      (header = '') => header.startsWith(`Bearer ${SECRET}`),
      ['wrong-secret'],
    ],
  ])('reports an endpoint that %s', async (_, isRight, expected) => {
    const { exitCode, findings } = await examineEndpoint(
      ({ request, response }) =>
        response
          .writeHead(isRight(request.headers.authorization) ? 200 : 401)
          .end(),
    );

    expect(findings).toEqual(expected);
    expect(exitCode).toBe(1);
  });

  it('warns about an answer of 403 to a wrong secret', async () => {
    const { exitCode, warnings } = await examineEndpoint(
      ({ request, response }) =>
        !hasSecret(request) && response.writeHead(403).end(),
    );

    expect(warnings).toEqual(['wrong-secret', 'missing-secret']);
    expect(exitCode).toBe(0);
  });

  it('masks the secret in an answer that echoes it and prints one short line', async () => {
    const { url } = await serve(
      plainEndpoint(({ request, response, text }) => {
        if (text !== '[]') return false;
        const { authorization } = request.headers;
        const echo = `\u001B[2J${authorization}\n at line 1\n${'x'.repeat(500)}`;
        return response.writeHead(500).end(echo + JSON.stringify(echo));
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

describe('doctor, for a faulty endpoint', () => {
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
  ])('reports one finding for one fault: %s', async (id, answer) => {
    const { exitCode, findings, check } = await examineEndpoint(answer);

    expect(findings).toEqual([id]);
    expect(check(id)).toMatchObject({
      expected: '200',
      why: expect.any(String),
      fix: expect.any(String),
    });
    expect(exitCode).toBe(1);
  });

  it.each([
    ['content-type-charset', /charset/],
    ['content-type-none', /^$/],
    ['content-type-text', /text/],
    ['content-type-form', /form/],
  ])('reports a rejected content type: %s', async (id, pattern) => {
    const { findings } = await examineEndpoint(
      ({ request: { headers }, response }) =>
        pattern.test(headers['content-type'] ?? '') &&
        response.writeHead(415).end(),
    );

    expect(findings).toEqual([id]);
  });

  it('reports a connection that closes in the middle of a large body', async () => {
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
    expect(check('group-5mb')?.fix).toContain('a limit of its size');
  });

  it('names the event types that fail', async () => {
    const { check } = await examineEndpoint(
      answering(400, body => /^[37]$/.test(Object(body).Type)),
    );

    expect(check('every-type')?.got).toBe('type 3, 7: 400 Bad Request');
  });

  it('reports rejected bodies without a length', async () => {
    const { findings } = await examineEndpoint(
      ({ request: { headers }, response }) =>
        !headers['content-length'] && response.writeHead(411).end(),
    );

    expect(findings).toEqual(['chunked']);
  });

  it('reports a duplicate that fails', async () => {
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

  it('reports failing simultaneous calls', async () => {
    const known = new Set<string>();
    let holdMs = 0;
    let open = 0;
    const { findings, check } = await examineEndpoint(
      async ({ response, text }) => {
        // The previous check sends the same event twice.
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

  it('reports an answer that takes longer than 2 s', async () => {
    const slow = plainEndpoint(async ({ text }) => {
      if (text === '[]') await new Promise(done => setTimeout(done, 6_000));
      return false;
    });
    const { url } = await serve(slow);
    const { findings, check } = await examineWithDoctor(url, {
      secret: SECRET,
      speedOfClock: 0.4,
    });

    expect(findings).toEqual(['slowest']);
    expect(check('slowest')?.got).toMatch(/^\d\.\d s: an empty array$/);
  });

  it('reports a status that all answers share once', async () => {
    const { findings, check, stdout } = await examineEndpoint(
      ({ request, response }) =>
        hasSecret(request) && response.writeHead(204).end(),
    );

    expect(findings).toEqual(['object']);
    expect(check('array')).toMatchObject({ sameAs: 'object', severity: 'ok' });
    expect(stdout.match(/@HttpCode/g)).toHaveLength(1);
  });

  it('reports a rate limit once', async () => {
    let calls = 0;
    const { findings, check } = await examineEndpoint(
      ({ response }) => ++calls > 20 && response.writeHead(429).end(),
    );

    expect(findings).toHaveLength(1);
    expect(check(findings[0]!)?.fix).toContain('@SkipThrottle()');
  });

  it('reports an endpoint that accepts only arrays and sends the other checks as arrays', async () => {
    const { findings, check } = await examineEndpoint(
      answering(400, body => !Array.isArray(body)),
    );

    expect(findings).toEqual(['object', 'broken-json', 'empty-body']);
    expect(check('unknown-type')).toMatchObject({ severity: 'ok' });
  });

  it('names the call after which the endpoint stopped', async () => {
    const { url } = await serve(
      plainEndpoint(({ request, text }) => {
        if (jsonOf(text) !== undefined || text === '') return false;
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
    expect(check('broken-json')?.stops).toMatch(
      /no longer answers: .*ECONNREFUSED/,
    );
    expect(examination).toMatchObject({ findings: 1 });
  });
});

describe('doctor, for a questionable endpoint', () => {
  it('warns about a body in the answer', async () => {
    const { exitCode, warnings, check } = await examineEndpoint(
      ({ request, response }) =>
        hasSecret(request) && response.writeHead(200).end('{"ok":true}'),
    );

    expect(warnings).toEqual(['object']);
    expect(check('object')?.got).toBe('200 OK: {"ok":true}');
    expect(exitCode).toBe(0);
  });

  it('warns about a new connection for each call', async () => {
    const { exitCode, warnings } = await examineEndpoint(({ response }) => {
      response.setHeader('connection', 'close');
      return false;
    });

    expect(warnings).toEqual(['keep-alive']);
    expect(exitCode).toBe(0);
  });
});

describe('doctor', () => {
  it('prints neither the secret nor the query of the URL', async () => {
    const { url } = await serve(plainEndpoint());

    const { stdout } = await runDoctor(`${url}/hook?key=sesame`, {
      secret: SECRET,
    });

    expect(stdout).toContain(`${url}/hook?…`);
    expect(stdout).not.toContain('sesame');
  });

  it('requires a URL', async () => {
    const { exitCode, stderr } = await runDoctor(undefined, { secret: SECRET });

    expect(exitCode).toBe(2);
    expect(stderr).toContain('No URL. Fix: give one');
  });

  it('exits with 2 for an invalid URL', async () => {
    const { exitCode, stdout } = await runDoctor('localhost:3000', {
      secret: SECRET,
    });

    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
  });

  it('describes its calls in the help', async () => {
    const { exitCode, stdout } = await runDoctor('--help', { secret: SECRET });

    expect(exitCode).toBe(0);
    expect(stdout).toContain('DoctorChannel');
    expect(stdout).toMatch(/1,100/);
  });
});
