import { describe, expect, it } from 'vitest';
import type { Refusal } from '../../../lib/webhook/verify-bearer.js';
import { XeniooWebhookStatus } from '../../../lib/webhook/xenioo.webhook-status.js';
import { startWebhookStatus } from '../../support/start-webhook-status.js';

const FULL = { status: 503, bot: 'support', reason: 'the inbox is full' };
const REPORTED = [1, 3, 6, 9, 10];

async function start() {
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
    /** The numbers of the strikes that were logged as errors, and emitted. */
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

describe('at first', () => {
  it('there is nothing to tell, and XeniooWebhookStatus is injectable', async () => {
    const { app, status } = await start();

    expect(app.get(XeniooWebhookStatus)).toBe(status);
    expect(status).toMatchObject({
      strikes: 0,
      refused: 0,
      lastAcceptedAt: undefined,
      lastEventAt: undefined,
    });
  });
});

describe('a strike', () => {
  it('is logged with what happened and what to do', async () => {
    const { logs, strike } = await start();
    strike();

    expect(logs.lines).toMatchObject([{ level: 'error' }]);
    expect(logs.ofXenioo()).toEqual([
      expect.stringMatching(
        /^Strike 1: answered 503 to bot support: the inbox is full\. .*save and publish the bot/,
      ),
    ]);
  });

  it('is emitted as xenioo.strike', async () => {
    const { heard, strike } = await start();
    const before = Date.now();
    strike();

    expect(heard).toEqual([
      ['xenioo.strike', { strikes: 1, ...FULL, at: expect.any(Date) }],
    ]);
    const { at } = heard[0]![1] as { at: Date };
    expect(at.getTime()).toBeGreaterThanOrEqual(before);
  });

  it('is counted, each one', async () => {
    const { status, strike } = await start();
    strike(25);

    expect(status).toMatchObject({ strikes: 25, refused: 0 });
  });

  it('is told when it is the first, third, sixth, ninth or tenth', async () => {
    const { logs, strike, reportedStrikes } = await start();
    strike(25);

    expect(reportedStrikes()).toEqual({ logged: REPORTED, emitted: REPORTED });
    for (const line of logs.ofXenioo('error')) {
      expect(line).toContain('save and publish the bot');
    }
    expect(logs.ofXenioo('debug')).toHaveLength(20);
  });

  it('when it is the tenth, says how to begin anew', async () => {
    const { logs, strike } = await start();
    strike(10);

    expect(logs.ofXenioo('error').at(-1)).toMatch(
      /^Strike 10: .*has probably stopped calling.* XeniooWebhookStatus\.reset\(\)/,
    );
    expect(logs.ofXenioo('error').at(-2)).toMatch(
      /^Strike 9: .*After 10 failed calls Xenioo stops calling/,
    );
  });

  it('of another bot counts on', async () => {
    const { status, strike, reportedStrikes } = await start();
    strike(2);
    status.recordStrike({ ...FULL, bot: 'sales' });

    expect(reportedStrikes().logged).toEqual([1, 3]);
  });
});

describe('an accepted call', () => {
  const [first, second] = [1, 2].map(day => new Date(2024, 4, day)) as [
    Date,
    Date,
  ];

  it('is remembered, and whether there was an event in it', async () => {
    const { status } = await start();
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

  it('without an event leaves the time of the last event', async () => {
    const { status } = await start();
    status.recordAccepted(first, true);
    status.recordAccepted(second, false);

    expect(status).toMatchObject({
      lastAcceptedAt: second,
      lastEventAt: first,
    });
  });

  it('takes no strike away, and says nothing', async () => {
    const { status, logs, heard, strike } = await start();
    strike(2);
    const told = [logs.lines.length, heard.length];
    status.recordAccepted(first, true);

    expect(status.strikes).toBe(2);
    expect([logs.lines.length, heard.length]).toEqual(told);
  });
});

describe('a refused call', () => {
  it.each([
    'missing',
    'another-scheme',
    'unknown-secret',
    'white-space',
  ] as const)(
    'is counted apart from strikes, whatever was wrong: %s',
    async kind => {
      const { status, heard, refuse } = await start();
      refuse(kind, 2);

      expect(status).toMatchObject({ strikes: 0, refused: 2 });
      expect(heard).toEqual([]);
    },
  );

  it('is logged with its kind and where it came from, one line a kind', async () => {
    const { logs, refuse } = await start();
    refuse('missing', 50);
    refuse('another-scheme', 50);

    expect(logs.ofXenioo('warn')).toEqual([
      expect.stringMatching(/from 203\.0\.113\.7: it has no Authorization/),
      expect.stringMatching(/from 203\.0\.113\.7: .*a scheme other than/),
    ]);
  });
});

describe('when several calls came with a secret and none was ever right', () => {
  it.each(['unknown-secret', 'white-space'] as const)(
    'one error line says that the configured one is probably wrong: %s',
    async kind => {
      const { logs, refuse } = await start();
      refuse(kind, 20);

      expect(logs.ofXenioo('error')).toEqual([
        expect.stringMatching(
          /Compare the configured secret with the API Secret of the bot.*stops calling after 10.*save and publish the bot/,
        ),
      ]);
    },
  );

  it('says nothing of it after one', async () => {
    const { logs, refuse } = await start();
    refuse('unknown-secret');

    expect(logs.ofXenioo('error')).toEqual([]);
  });

  it('says nothing of it where one was right before', async () => {
    const { status, logs, refuse } = await start();
    status.recordAccepted(new Date(), false);
    refuse('unknown-secret', 20);

    expect(logs.ofXenioo('error')).toEqual([]);
  });

  it('says nothing of it for calls without a secret', async () => {
    const { logs, refuse } = await start();
    refuse('missing', 20);
    refuse('another-scheme', 20);

    expect(logs.ofXenioo('error')).toEqual([]);
  });
});

describe('a reset', () => {
  it('begins to count anew, and keeps what was last accepted', async () => {
    const { status, strike, refuse } = await start();
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

  it('tells the first strikes again', async () => {
    const { status, strike, reportedStrikes } = await start();
    strike(4);
    status.reset();
    strike(4);

    expect(reportedStrikes()).toEqual({
      logged: [1, 3, 1, 3],
      emitted: [1, 3, 1, 3],
    });
  });

  it('tells again of a secret that is probably wrong', async () => {
    const { status, logs, refuse } = await start();
    refuse('unknown-secret', 5);
    status.reset();
    refuse('unknown-secret', 5);

    expect(logs.ofXenioo('error')).toHaveLength(2);
  });
});

it('counts for one application alone', async () => {
  const [one, other] = [await start(), await start()];
  one.strike(2);
  one.refuse('missing');

  expect(other.status).toMatchObject({ strikes: 0, refused: 0 });
});
