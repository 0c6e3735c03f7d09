import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { runCli, startCli } from '../support/cli.js';
import { SECRET, startWebhook } from '../support/cli-webhook.js';
import { freePort } from '../support/engines/free-port.js';
import { serve } from '../support/serve.js';

/** Starts a webhook that answers with this status, and echoes what it receives. */
async function startEcho(status: number) {
  const { url } = await serve((request, response) => {
    void text(request).then(body => {
      response.setHeader('location', `/?${request.headers.authorization}`);
      response.writeHead(status);
      response.end(JSON.stringify({ headers: request.headers, body }));
    });
  });
  return { XENIOO_URL: url, XENIOO_SECRET: SECRET };
}

describe('send', () => {
  it('prints the request, the answer and the verdict, and exits with 0', async () => {
    const { env, url, received } = await startWebhook();

    const { exitCode, stdout, stderr } = await runCli(
      [
        'send',
        'user-message',
        '--data',
        'Hello there!',
        '--field',
        'city=Rome',
      ],
      { env },
    );

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain(`POST ${url}\n`);
    expect(stdout).toContain('authorization: Bearer ********\n');
    expect(stdout).toContain('  "Data": "Hello there!",\n');
    expect(stdout).toMatch(/\n200 OK, [\d.]+ ms\n/);
    expect(stdout).toContain('(empty body)');
    expect(stdout).toContain('As Xenioo expects');
    expect(received).toMatchObject([
      { type: 1, text: 'Hello there!', variables: { city: 'Rome' } },
    ]);
  });

  it.each([
    ['user-message', 1],
    ['UserMessage', 1],
    ['userMessage', 1],
    ['1', 1],
    ['hand-over', 11],
    ['99', 99],
  ])('sends the type %s', async (type, number) => {
    const { env, received } = await startWebhook();

    const { exitCode } = await runCli(['send', type], { env });

    expect(exitCode).toBe(0);
    expect(received).toMatchObject([{ type: number }]);
  });

  it('sends variables of any kind', async () => {
    const { env, received } = await startWebhook();
    const fields = ['age:=42', 'tags:=["a","b"]', 'note=a=b', '__proto__=x'];

    await runCli(
      ['send', '1', ...fields.flatMap(field => ['--field', field])],
      { env },
    );

    expect(received.map(({ variables }) => Object.entries(variables))).toEqual([
      [
        ['age', 42],
        ['tags', ['a', 'b']],
        ['note', 'a=b'],
        ['__proto__', 'x'],
      ],
    ]);
  });

  it('sends --entry unchanged', async () => {
    const { env, received } = await startWebhook();

    await runCli(['send', '--entry', '[{"Type":8},{"Type":99}]'], { env });

    expect(received.map(({ type }) => type).toSorted()).toEqual([8, 99]);
  });

  it('prints a JSON document with --json', async () => {
    const { env, url } = await startWebhook();

    const { exitCode, stdout } = await runCli(
      ['send', '7', '--data', 'hm', '--json'],
      { env },
    );

    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      request: {
        method: 'POST',
        url,
        headers: { authorization: 'Bearer ********' },
        body: { Type: 7, Text: 'hm' },
      },
      answer: { status: 200, body: '' },
      isSuccessful: true,
    });
  });
});

describe('send, for a call that Xenioo counts as failed', () => {
  it('reports a wrong secret and exits with 1', async () => {
    const { env, received } = await startWebhook();

    const { exitCode, stdout } = await runCli(
      ['send', '1', '--secret', 'another-one'],
      { env },
    );

    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/\n401 Unauthorized, [\d.]+ ms/);
    expect(stdout).toMatch(
      /failed call.*was answered 401\.\nFix: Compare the secret/,
    );
    expect(stdout).not.toContain('another-one');
    expect(received).toEqual([]);
  });

  it.each([
    [201, /was answered 201\.\nFix: .*@HttpCode\(200\)/],
    [500, /was answered 500\.\nFix: .*see its log/],
    [302, /was answered 302\.\nFix: .*the final URL/],
  ])('prints a fix for the status %i', async (status, message) => {
    const { exitCode, stdout } = await runCli(['send', '1'], {
      env: await startEcho(status),
    });

    expect(exitCode).toBe(1);
    expect(stdout).toMatch(message);
  });

  it('reports a refused connection', async () => {
    const { exitCode, stdout, stderr } = await runCli(
      ['send', '1', '--json', '--url', `http://127.0.0.1:${await freePort()}`],
      { env: { XENIOO_SECRET: SECRET } },
    );

    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({
      answer: { outcome: 'ECONNREFUSED' },
      isSuccessful: false,
      failure: 'had no answer: ECONNREFUSED',
      fix: expect.stringContaining('Start the app'),
    });
  });

  it('exits with 1 on Ctrl-C', async () => {
    let isCalled = false;
    const { url } = await serve(() => void (isCalled = true));
    const cli = startCli(['send', '1', '--url', url], {
      env: { XENIOO_SECRET: SECRET },
    });
    await expect.poll(() => isCalled).toBe(true);

    cli.kill('SIGINT');

    expect(await cli.ended).toBe(1);
    expect(cli.stderr()).toBe('Interrupted before the call was answered.\n');
  });

  it('waits no longer than --timeout', async () => {
    const { url } = await serve(() => {});

    const { exitCode, stdout } = await runCli(
      ['send', '1', '--url', url, '--timeout', '200ms'],
      { env: { XENIOO_SECRET: SECRET } },
    );

    expect(exitCode).toBe(1);
    expect(stdout).toContain('had no answer within 200 ms');
  });
});

describe('send, with invalid arguments', () => {
  const env = { XENIOO_URL: 'http://localhost/', XENIOO_SECRET: SECRET };

  it.each([
    ['an unknown type', ['send', 'user-mesage'], /one of bot-message, user-/],
    ['no type', ['send'], /give a type/],
    ['no secret', ['send', '1', '--secret='], /Fix: set XENIOO_SECRET/],
    ['a bad URL', ['send', '1', '--url', 'localhost:3000'], /http:\/\//],
    ['a bad field', ['send', '1', '--field', 'city'], /expected Name=text/],
    ['a bad value', ['send', '1', '--field', 'a:=b'], /--field: expected JSON/],
    ['a bad entry', ['send', '--entry', '{"Ty'], /--entry: expected JSON/],
    ['a type and an entry', ['send', '1', '--entry', '{}'], /as it is/],
    ['a bad time-out', ['send', '1', '--timeout', 'soon'], /500ms, 30s/],
    ['two types', ['send', '1', '2'], /too many arguments/],
  ])('explains %s and exits with 2', async (_what, args, says) => {
    const { exitCode, stdout, stderr } = await runCli(args, { env });

    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(says);
    expect(stderr).toContain('See --help');
    expect(stderr).not.toContain(SECRET);
  });

  it('does not print the texts of people in an error', async () => {
    const { stderr } = await runCli(['send', '--entry', '{"Data":"my words'], {
      env,
    });

    expect(stderr).not.toContain('my words');
  });
});

describe('send, with an endpoint that echoes the secret', () => {
  it.each([[], ['--json']])(
    'does not print the secret (%s)',
    async (...json) => {
      const { stdout, stderr } = await runCli(
        ['send', '1', '--data', `I know ${SECRET}`, ...json],
        { env: await startEcho(400) },
      );

      expect(stdout).toContain('I know ********');
      expect(stdout).toContain('Bearer ********');
      expect(stdout + stderr).not.toContain(SECRET);
    },
  );

  it('prints valid JSON for a secret of one character', async () => {
    const env = { ...(await startEcho(400)), XENIOO_SECRET: '"' };

    const { stdout } = await runCli(['send', '1', '--json'], { env });

    expect(JSON.parse(stdout)).toMatchObject({ isSuccessful: false });
  });
});

describe('send, with control characters in the answer', () => {
  it('does not print them', async () => {
    const { url } = await serve((_request, response) => {
      response.end('\u001b[2Jgone\u009b31m');
    });

    const { stdout } = await runCli(['send', '1', '--url', url], {
      env: { XENIOO_SECRET: SECRET },
    });

    expect(stdout).toContain('gone');
    expect(stdout).not.toMatch(/[^\P{Cc}\n]/u);
  });
});
