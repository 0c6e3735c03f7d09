import { describe, expect, it } from 'vitest';
import { XeniooModule, type XeniooOptions } from '../../lib/index.js';
import { call } from '../support/call.js';
import { Handled } from '../support/handled.js';
import { startHost, type AdapterName } from '../support/host-app.js';

const PATH = '/xenioo/webhook';

async function start(adapter: AdapterName, options: XeniooOptions) {
  const host = await startHost(adapter, {
    imports: [XeniooModule.forRoot(options)],
    providers: [Handled],
  });
  return { ...host, handled: host.app.get(Handled) };
}

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  it.each([
    ['missing', null],
    ['empty', ''],
    ['the scheme alone', 'Bearer'],
    ['wrong', 'Bearer wrong-secret'],
    ['a letter short', 'Bearer right-secre'],
    ['a letter long', 'Bearer right-secret1'],
    ['of another case', 'Bearer Right-Secret'],
    ['of another scheme', 'Basic cmlnaHQtc2VjcmV0'],
    ['another scheme with the secret in it', 'Token right-secret'],
    ['two secrets', 'Bearer right-secret, Bearer right-secret'],
  ])('answers 401 to a secret that is %s', async (_, authorization) => {
    const { url, handled, idle } = await start(adapter, {
      secret: 'right-secret',
    });

    const answer = await call(url(PATH), { Type: 1 }, { authorization });

    expect(answer).toMatchObject({ status: 401, text: '' });
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    expect(answer.headers.get('connection')).toBe('close');
    await idle();
    expect(handled).toMatchObject({ events: [], invalid: [] });
  });

  it.each(['Bearer right-secret', 'bearer right-secret', 'right-secret'])(
    'takes %j',
    async authorization => {
      const { url, handled, idle } = await start(adapter, {
        secret: 'right-secret',
      });

      const answer = await call(url(PATH), { Type: 1 }, { authorization });

      expect(answer.status).toBe(200);
      await idle();
      expect(handled.events).toHaveLength(1);
    },
  );

  it('says why it refused, and from where, but not what was sent', async () => {
    const { url, logs } = await start(adapter, { secret: 'right-secret' });

    for (const authorization of [
      'Bearer hunter2',
      'Bearer hunter3',
      'Basic hunter4',
    ]) {
      await call(url(PATH), { Type: 1 }, { authorization });
    }

    expect(logs.ofXenioo('warn')).toEqual([
      'Answered 401 to a call from 127.0.0.1: its secret is none of those configured',
      'Answered 401 to a call from 127.0.0.1: its Authorization header is of another scheme than Bearer',
    ]);
    expect(JSON.stringify(logs.lines)).not.toMatch(/hunter|right-secret/);
  });

  it('takes two secrets while one is being rotated', async () => {
    const { url } = await start(adapter, { secret: ['old', 'new'] });

    for (const [secret, status] of [
      ['old', 200],
      ['new', 200],
      ['older', 401],
    ]) {
      const authorization = `Bearer ${secret}`;
      const answer = await call(url(PATH), { Type: 1 }, { authorization });
      expect(answer.status).toBe(status);
    }
  });

  it('knows the bot by its secret, and keeps entries of others out', async () => {
    const { url, handled, idle } = await start(adapter, {
      bots: [
        { name: 'support', token: 'token-a', secret: 'secret-a' },
        { name: 'shop', token: 'token-b', secret: ['secret-b', 'secret-c'] },
      ],
    });

    const answer = await call(
      url(PATH),
      [
        { Type: 1, BotToken: 'token-b', Data: 'own' },
        { Type: 1, BotToken: 'token-a', Data: 'of another bot' },
        { Type: 1, BotToken: 'token-x', Data: 'of nobody' },
        { Type: 1, Data: 'without a token' },
      ],
      { authorization: 'Bearer secret-c' },
    );

    expect(answer).toMatchObject({ status: 200, text: '' });
    await idle();
    expect(handled.events).toMatchObject([
      { bot: 'shop', text: 'own' },
      { bot: 'shop', text: 'without a token' },
    ]);
    expect(handled.invalid).toMatchObject([
      { bot: 'shop', reason: 'foreign-bot', raw: { Data: 'of another bot' } },
      { bot: 'shop', reason: 'foreign-bot', raw: { Data: 'of nobody' } },
    ]);
    const [other, nobody] = handled.invalid.map(({ errors }) => errors[0]);
    expect(other?.replace('entry 1', '')).toBe(nobody?.replace('entry 2', ''));
  });
});
