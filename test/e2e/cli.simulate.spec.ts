import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { CallRunReport } from '../../lib/cli/call-run.js';
import { runCli, startCli } from '../support/cli.js';
import { SECRET, startWebhook } from '../support/cli-webhook.js';
import { freePort } from '../support/engines/free-port.js';
import { serve } from '../support/serve.js';

/** Number of events of one conversation. */
const EVENTS = 18;

/** Starts a webhook that answers each call with the status for its number, from 1 on. */
async function answering(status: (call: number) => number | Promise<number>) {
  let calls = 0;
  const answer = async (call: number) => await status(call);
  const { url } = await serve((request, response) => {
    request.resume();
    void answer(++calls).then(code => response.writeHead(code).end());
  });
  return {
    calls: () => calls,
    env: { XENIOO_URL: url, XENIOO_SECRET: SECRET },
  };
}

/** Runs `simulate --json`. */
async function simulate(
  env: Readonly<Record<string, string>>,
  options: string,
) {
  const result = await runCli(`simulate --json ${options}`.split(' '), { env });
  const report = JSON.parse(result.stdout) as CallRunReport;
  return { ...result, report };
}

describe('simulate', () => {
  it('sends whole conversations, prints a report and exits with 0', async () => {
    const { env, url, received } = await startWebhook();

    const { exitCode, stdout, stderr } = await runCli(
      ['simulate', '--conversations', '5', '--rate', 'max'],
      { env },
    );

    expect(exitCode).toBe(0);
    expect(stdout).toContain(`${url}, `);
    expect(stdout).toMatch(/^ +calls +90$/m);
    expect(stdout).toMatch(/^ +events +90$/m);
    expect(stdout).toMatch(/^ +200 OK +90$/m);
    expect(stdout).toMatch(
      /^ +latency +p50 .+ m?s, p90 .+ m?s, p99 .+ m?s, max .+ m?s$/m,
    );
    expect(stdout).toMatch(/^ +failed +0 \(Xenioo tolerates 10 more\)$/m);
    expect(stdout).toContain('All calls were answered 200 in time.');
    expect(stderr).toBe(
      `5 conversations to ${url}, at full speed. Press Ctrl-C to stop.\n`,
    );
    expect(received).toHaveLength(5 * EVENTS);
    expect(
      new Set(received.map(event => event.conversationId ?? 'none')).size,
    ).toBe(5 + 1);
  });

  it('groups, shuffles and repeats entries in the same way for the same seed', async () => {
    const { env, received } = await startWebhook();
    const options =
      '--conversations 4 --rate max --seed 7 --grouped 10 --shuffle --duplicate 50%';

    const first = await simulate(env, options);
    const again = await simulate(env, options);

    const { calls, events, repeated } = first.report;
    expect(calls - repeated).toBe(Math.ceil((4 * EVENTS) / 10));
    expect(repeated).toBeGreaterThan(0);
    expect(events).toBeGreaterThan(4 * EVENTS);
    expect(again.report).toMatchObject({ calls, events, repeated });
    const dated = received.filter(({ date }) => date);
    expect(dated).toHaveLength(4 * (EVENTS - 1));
  });

  it('sends new conversations for the whole --duration', async () => {
    const { env } = await answering(() => 200);

    const { exitCode, report } = await simulate(
      env,
      '--conversations 1 --rate 20 --duration 7s',
    );

    expect(exitCode).toBe(0);
    expect(report).toMatchObject({ endedBy: 'duration', requestedRate: 20 });
    expect(report.calls).toBeGreaterThan(EVENTS);
    expect(report.calls).toBeLessThanOrEqual(141);
    expect(report.durationMs).toBeGreaterThan(6_900);
  });

  it('prints a JSON document with --json', async () => {
    const { env } = await answering(() => 200);

    const { report, stdout, stderr } = await simulate(
      env,
      '--conversations 2 --rate max',
    );

    expect(report).toMatchObject({
      url: `${env.XENIOO_URL}/`,
      conversations: 2,
      endedBy: 'all sent',
      isSuccessful: true,
      calls: 36,
      outcomes: { 200: 36 },
      failed: 0,
      failuresLeft: 10,
      requestedRate: null,
      isRateReached: true,
    });
    expect(stdout + stderr).not.toContain(SECRET);
  });
});

describe('simulate, with calls that fail', () => {
  it.each([
    [201, /@HttpCode\(200\)/],
    [500, /see its log/],
  ])(
    'stops after more than 10 answers of %i and prints a fix',
    async (status, advice) => {
      const { env, calls } = await answering(() => status);

      const { exitCode, stdout } = await runCli(
        ['simulate', '--concurrency', '1'],
        { env },
      );

      expect(exitCode).toBe(1);
      expect(calls()).toBe(11);
      expect(stdout).toMatch(/^ +failed +11 \(Xenioo tolerates 0 more\)$/m);
      expect(stdout).toContain('Stopped: 11 calls failed in total');
      expect(stdout).toMatch(advice);
      expect(stdout).not.toContain('All calls were answered');
    },
  );

  it('continues with --failures consecutive while the failures are not consecutive', async () => {
    const { env } = await answering(call => (call % 2 ? 500 : 200));
    const plan = '--conversations 2 --rate max --concurrency 1';

    const total = await simulate(env, plan);
    const inARow = await simulate(env, `${plan} --failures consecutive`);

    expect(total.exitCode).toBe(1);
    expect(total.report).toMatchObject({ calls: 21, endedBy: 'failures' });
    expect(inARow.exitCode).toBe(1);
    expect(inARow.report).toMatchObject({ calls: 36, endedBy: 'all sent' });
    expect(inARow.report).not.toHaveProperty('stopped');
  });

  it('continues with --failures ignore and reports what Xenioo would do', async () => {
    const { env, calls } = await answering(() => 503);

    const { exitCode, stdout } = await runCli(
      'simulate --conversations 1 --rate max --failures ignore'.split(' '),
      { env },
    );

    expect(exitCode).toBe(1);
    expect(calls()).toBe(EVENTS);
    expect(stdout).toContain('Xenioo would have stopped');
  });

  it('reports a refused connection', async () => {
    const { exitCode, stdout, stderr } = await runCli(
      ['simulate', '--url', `http://127.0.0.1:${await freePort()}`],
      { env: { XENIOO_SECRET: SECRET } },
    );

    expect(exitCode).toBe(1);
    expect(stdout).toMatch(
      /^connection refused \(ECONNREFUSED\)\. Fix: Start the app/m,
    );
    expect(stdout + stderr).not.toContain(SECRET);
  });

  it('reports a wrong secret without printing it', async () => {
    const { env, received } = await startWebhook();

    const { exitCode, stdout, stderr } = await runCli(
      ['simulate', '--secret', 'another-one'],
      { env },
    );

    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^401 Unauthorized\. Fix: Compare the secret/m);
    expect(stdout + stderr).not.toMatch(new RegExp(`${SECRET}|another-one`));
    expect(received).toEqual([]);
  });
});

describe('simulate, with an endpoint that is too slow', () => {
  it('reports that the rate was not reached', async () => {
    const { env } = await answering(() => setTimeout(50, 200));

    const { exitCode, stdout } = await runCli(
      'simulate --conversations 1 --rate 200 --concurrency 1'.split(' '),
      { env },
    );

    expect(exitCode).toBe(0);
    const [, reached] = /calls\/s +([\d.]+) of 200 requested/.exec(stdout)!;
    expect(Number(reached)).toBeLessThan(21);
    expect(stdout).toMatch(/did not reach this rate with 1 pending call\b/);
  });
});

describe('simulate, on Ctrl-C', () => {
  it('prints the report', async () => {
    const { env, calls } = await answering(() => 200);
    const cli = startCli(['simulate', '--json', '--duration', '1h'], { env });
    await expect.poll(calls).toBeGreaterThan(5);

    cli.kill('SIGINT');

    expect(await cli.ended).toBe(0);
    const report = JSON.parse(cli.stdout()) as CallRunReport;
    expect(report).toMatchObject({ endedBy: 'interruption', failed: 0 });
    expect(report.calls).toBe(calls());
  });

  it('exits with 1 if a call failed', async () => {
    const { env, calls } = await answering(call => (call === 1 ? 500 : 200));
    const cli = startCli(['simulate', '--json', '--duration', '1h'], { env });
    await expect.poll(calls).toBeGreaterThan(5);

    cli.kill('SIGINT');

    expect(await cli.ended).toBe(1);
    expect(JSON.parse(cli.stdout())).toMatchObject({ failed: 1 });
  });

  it('quits on a second Ctrl-C', async () => {
    const { env, calls } = await answering(() => new Promise(() => {}));
    const cli = startCli(['simulate', '--timeout', '10m'], { env });
    await expect.poll(calls).toBeGreaterThan(0);
    cli.kill('SIGINT');
    await expect.poll(cli.stderr).toContain('press Ctrl-C again to quit');

    cli.kill('SIGINT');

    expect(await cli.ended).toBe('SIGINT');
  });
});

describe('simulate, with invalid arguments', () => {
  const env = { XENIOO_URL: 'http://localhost/', XENIOO_SECRET: SECRET };

  it.each([
    ['--rate', 'fast', /calls per second, such as 100/],
    ['--duration', 'long', /500ms, 30s or 2m/],
    ['--duplicate', '2', /such as 2% or 0.02/],
    ['--conversations', '0', /whole number from 1/],
    ['--grouped', '-1', /whole number from 1/],
    ['--grouped', '100000', /6,400,000 events pending at once/],
    ['--failures', 'some', /total, consecutive, ignore/],
    ['--seed', 'x', /whole number from 0/],
    ['--url', 'nowhere', /expected one such as http/],
  ])(
    'rejects %s %s with the expected value and exits with 2',
    async (name, value, says) => {
      const { exitCode, stdout, stderr } = await runCli(
        ['simulate', name, value],
        { env },
      );

      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
      expect(stderr).toMatch(says);
      expect(stderr).not.toContain(SECRET);
    },
  );
});

describe('closing stdout early', () => {
  it('does not fail the help', async () => {
    const cli = startCli(['--help']);
    cli.closeStdout();

    expect(await cli.ended).toBe(0);
    expect(cli.stderr()).toBe('');
  });

  it('ends a simulation quietly, with its exit code', async () => {
    const { env } = await answering(call => (call === 1 ? 500 : 200));
    const cli = startCli(['simulate', '--conversations', '1'], { env });
    cli.closeStdout();

    expect(await cli.ended).toBe(1);
    expect(cli.stderr()).toMatch(/^1 conversation.*\n$/);
  });
});
