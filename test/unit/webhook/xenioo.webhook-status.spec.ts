import { describe, expect, it } from 'vitest';
import type { Refusal } from '../../../lib/webhook/verify-bearer.js';
import { XeniooWebhookStatus } from '../../../lib/webhook/xenioo.webhook-status.js';
import { startWebhookStatus } from '../../support/start-webhook-status.js';

const FULL = { status: 503, bot: 'support', reason: 'the inbox is full' };
const REPORTED = [1, 3, 6, 9, 10];

async function startStatus() {
  const started = await startWebhookStatus();
  const { status, logs, heard } = started;
  const times = (count: number, act: () => void) => {
    for (let n = 0; n < count; n++) act();
  };
  return {
    ...started,
    strike: (count = 1) => times(count, () => status.recordStrike(FULL)),
    refuse: (refusal: Refusal, count = 1) =>
      times(count, () =>
        status.recordRefused({ reason: refusal, address: '203.0.113.7' }),
      ),
    /** Returns the numbers of the strikes that were logged as errors and emitted. */
    reportedStrikes: () => ({
      logged: logs
        .ofXenioo('error')
        .map(line => Number(/^Strike (\d+):/.exec(line)?.[1])),
      emitted: heard.map(
        ([, strike]) => (strike as { strikes: number }).strikes,
      ),
    }),
  };
}

describe('XeniooWebhookStatus', () => {
  it('is injectable, and empty at first', async () => {
    const { app, status } = await startStatus();

    expect(app.get(XeniooWebhookStatus)).toBe(status);
    expect(status).toMatchObject({
      strikes: 0,
      refused: 0,
      lastAcceptedAt: undefined,
      lastEventAt: undefined,
    });
  });
});

describe('XeniooWebhookStatus after a strike', () => {
  it('logs the answer, its reason and the remedy', async () => {
    const { logs, strike } = await startStatus();
    strike();

    expect(logs.lines).toMatchObject([{ level: 'error' }]);
    expect(logs.ofXenioo()).toEqual([
      expect.stringMatching(
        /^Strike 1: answered 503 to bot support: the inbox is full\. .*save and publish the bot/,
      ),
    ]);
  });

  it('emits xenioo.strike', async () => {
    const { heard, strike } = await startStatus();
    const before = Date.now();
    strike();

    expect(heard).toEqual([
      ['xenioo.strike', { strikes: 1, ...FULL, at: expect.any(Date) }],
    ]);
    const { at } = heard[0]![1] as { at: Date };
    expect(at.getTime()).toBeGreaterThanOrEqual(before);
  });

  it('counts each strike', async () => {
    const { status, strike } = await startStatus();
    strike(25);

    expect(status).toMatchObject({ strikes: 25, refused: 0 });
  });

  it('reports the first, third, sixth, ninth and tenth strike', async () => {
    const { logs, strike, reportedStrikes } = await startStatus();
    strike(25);

    expect(reportedStrikes()).toEqual({ logged: REPORTED, emitted: REPORTED });
    for (const line of logs.ofXenioo('error')) {
      expect(line).toContain('save and publish the bot');
    }
    expect(logs.ofXenioo('debug')).toHaveLength(20);
  });

  it('names reset() in the log line of the tenth strike', async () => {
    const { logs, strike } = await startStatus();
    strike(10);

    expect(logs.ofXenioo('error').at(-1)).toMatch(
      /^Strike 10: .*has probably stopped calling.* XeniooWebhookStatus\.reset\(\)/,
    );
    expect(logs.ofXenioo('error').at(-2)).toMatch(
      /^Strike 9: .*After more than 10 failed calls Xenioo stops calling/,
    );
  });

  it('counts the strikes of all bots together', async () => {
    const { status, strike, reportedStrikes } = await startStatus();
    strike(2);
    status.recordStrike({ ...FULL, bot: 'sales' });

    expect(reportedStrikes().logged).toEqual([1, 3]);
  });
});

describe('XeniooWebhookStatus after an accepted call', () => {
  const [first, second] = [1, 2].map(day => new Date(2024, 4, day)) as [
    Date,
    Date,
  ];

  it('records the time of the call, and of its event if it has one', async () => {
    const { status } = await startStatus();
    status.recordAccepted(first, false);
    expect(status).toMatchObject({
      lastAcceptedAt: first,
      lastEventAt: undefined,
    });

    status.recordAccepted(second, true);
    expect(status).toMatchObject({
      lastAcceptedAt: second,
      lastEventAt: second,
    });
  });

  it('keeps the time of the last event when a call has none', async () => {
    const { status } = await startStatus();
    status.recordAccepted(first, true);
    status.recordAccepted(second, false);

    expect(status).toMatchObject({
      lastAcceptedAt: second,
      lastEventAt: first,
    });
  });

  it('removes no strike, and logs nothing', async () => {
    const { status, logs, heard, strike } = await startStatus();
    strike(2);
    const before = [logs.lines.length, heard.length];
    status.recordAccepted(first, true);

    expect(status.strikes).toBe(2);
    expect([logs.lines.length, heard.length]).toEqual(before);
  });
});

describe('XeniooWebhookStatus after a refused call', () => {
  it.each([
    'missing',
    'another-scheme',
    'unknown-secret',
    'white-space',
  ] as const)('counts it separately from strikes: %s', async kind => {
    const { status, heard, refuse } = await startStatus();
    refuse(kind, 2);

    expect(status).toMatchObject({ strikes: 0, refused: 2 });
    expect(heard).toEqual([]);
  });

  it('logs one line for each kind, with the address of the caller', async () => {
    const { logs, refuse } = await startStatus();
    refuse('missing', 50);
    refuse('another-scheme', 50);

    expect(logs.ofXenioo('warn')).toEqual([
      expect.stringMatching(/from 203\.0\.113\.7: it has no Authorization/),
      expect.stringMatching(/from 203\.0\.113\.7: .*a scheme other than/),
    ]);
  });
});

describe('XeniooWebhookStatus after several calls with wrong secrets', () => {
  it.each(['unknown-secret', 'white-space'] as const)(
    'logs one error that the configured secret is probably wrong: %s',
    async kind => {
      const { logs, refuse } = await startStatus();
      refuse(kind, 20);

      expect(logs.ofXenioo('error')).toEqual([
        expect.stringMatching(
          /Compare the configured secret with the API Secret of the bot.*stops calling after more than 10.*save and publish the bot/,
        ),
      ]);
    },
  );

  it('logs no such error after a single call', async () => {
    const { logs, refuse } = await startStatus();
    refuse('unknown-secret');

    expect(logs.ofXenioo('error')).toEqual([]);
  });

  it('logs no such error once a secret was correct', async () => {
    const { status, logs, refuse } = await startStatus();
    status.recordAccepted(new Date(), false);
    refuse('unknown-secret', 20);

    expect(logs.ofXenioo('error')).toEqual([]);
  });

  it('logs no such error for calls without a secret', async () => {
    const { logs, refuse } = await startStatus();
    refuse('missing', 20);
    refuse('another-scheme', 20);

    expect(logs.ofXenioo('error')).toEqual([]);
  });
});

describe('XeniooWebhookStatus.reset()', () => {
  it('resets the counters and keeps the times of the last accepted call and event', async () => {
    const { status, strike, refuse } = await startStatus();
    const at = new Date();
    status.recordAccepted(at, true);
    strike(4);
    refuse('missing', 3);
    status.reset();

    expect(status).toMatchObject({
      strikes: 0,
      refused: 0,
      lastAcceptedAt: at,
      lastEventAt: at,
    });
  });

  it('makes the first strikes reported again', async () => {
    const { status, strike, reportedStrikes } = await startStatus();
    strike(4);
    status.reset();
    strike(4);

    expect(reportedStrikes()).toEqual({
      logged: [1, 3, 1, 3],
      emitted: [1, 3, 1, 3],
    });
  });

  it('makes a probably wrong secret reported again', async () => {
    const { status, logs, refuse } = await startStatus();
    refuse('unknown-secret', 5);
    status.reset();
    refuse('unknown-secret', 5);

    expect(logs.ofXenioo('error')).toHaveLength(2);
  });
});

it('XeniooWebhookStatus counts per application', async () => {
  const [one, other] = [await startStatus(), await startStatus()];
  one.strike(2);
  one.refuse('missing');

  expect(other.status).toMatchObject({ strikes: 0, refused: 0 });
});
