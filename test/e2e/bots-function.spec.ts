import { describe, expect, it } from 'vitest';
import { XeniooOptionsError, type XeniooBot } from '../../lib/index.js';
import { dispatched, idle, xeniooEntry } from '../../lib/testing/index.js';
import { startWebhookHost } from '../support/start-webhook-host.js';
import type { AdapterName } from '../support/host-app.js';

const SUPPORT = { name: 'support', token: 'a', secret: 'secret-a' };
const SHOP = { name: 'shop', token: 'b', secret: 'secret-b' };

async function start(
  adapter: AdapterName,
  bots: () => XeniooBot[] | Promise<XeniooBot[]>,
) {
  const host = await startWebhookHost(adapter, { bots, botsRefreshSeconds: 1 });
  const send = async (secret: string) => {
    const authorization = `Bearer ${secret}`;
    const entry = xeniooEntry.userMessage();
    return (await host.sender.call(entry, { authorization })).status;
  };
  return { ...host, send };
}

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  it('calls the function `bots` once while it boots', async () => {
    let asked = 0;
    const { send, logs, app } = await start(adapter, async () => {
      asked++;
      return [SUPPORT, SHOP];
    });
    expect(asked).toBe(1);
    expect(logs.ofXenioo('log')).toContain(
      'POST /xenioo/webhook receives the events of support, shop',
    );

    expect(await send('secret-b')).toBe(200);
    await idle(app);
    expect(dispatched(app)).toMatchObject([{ event: { bot: 'shop' } }]);
    expect(asked).toBe(1);
  });

  it('boots with an empty list, and accepts a bot that is added later', async () => {
    const bots: XeniooBot[] = [];
    const { send } = await start(adapter, () => bots);
    expect(await send('secret-a')).toBe(401);

    bots.push(SUPPORT);

    await expect.poll(() => send('secret-a'), { interval: 100 }).toBe(200);
  });

  it('rejects the secret of a bot that was removed', async () => {
    let bots = [SUPPORT, SHOP];
    const { send } = await start(adapter, () => bots);
    expect(await send('secret-b')).toBe(200);

    bots = [SUPPORT];

    await expect.poll(() => send('secret-b'), { interval: 100 }).toBe(401);
    expect(await send('secret-a')).toBe(200);
  });

  it('keeps the last valid list if the function fails or returns an invalid one', async () => {
    const answers: (() => XeniooBot[])[] = [
      () => [SUPPORT],
      () => {
        throw new Error('vault is sealed');
      },
      () => [{ ...SUPPORT, secret: '' }],
    ];
    const { send, logs } = await start(adapter, () =>
      (answers.shift() ?? (() => [SUPPORT]))(),
    );

    await expect
      .poll(
        async () => {
          expect(await send('secret-a')).toBe(200);
          return logs.ofXenioo('error');
        },
        { interval: 100 },
      )
      .toEqual([
        expect.stringMatching(
          /the previous list stays in use\. Fix the function `bots`: vault is sealed/,
        ),
        expect.stringMatching(
          /the previous list stays in use\. Fix the function `bots`: .*`bots\[0\].secret` to be a non-empty/s,
        ),
      ]);
  });

  it.each<[string, () => XeniooBot[], RegExp]>([
    [
      'fails',
      () => {
        throw new Error('vault is sealed');
      },
      /the function `bots` failed, .*: vault is sealed/,
    ],
    [
      'returns an invalid list',
      () => [SUPPORT, { ...SHOP, secret: 'secret-a' }],
      /each bot to have its own `secret`/,
    ],
  ])('does not boot if the function %s', async (_, bots, message) => {
    const error = await start(adapter, bots).catch((caught: unknown) => caught);

    expect(error).toBeInstanceOf(XeniooOptionsError);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain('secret-a');
  });
});
