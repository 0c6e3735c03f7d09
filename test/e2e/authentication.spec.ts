import { describe, expect, it } from 'vitest';
import {
  dispatched,
  idle,
  received,
  xeniooEntry,
} from '../../lib/testing/index.js';
import {
  CatchAllHandlers,
  startWebhookHost,
} from '../support/start-webhook-host.js';

const { userMessage } = xeniooEntry;

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
    const { app, sender } = await startWebhookHost(adapter);

    const answer = await sender.call(userMessage(), { authorization });

    expect(answer).toMatchObject({ status: 401, body: '' });
    expect(answer.headers).toMatchObject({
      'www-authenticate': 'Bearer',
      connection: 'close',
    });
    await idle(app);
    expect(received(app)).toEqual([]);
    expect(dispatched(app)).toEqual([]);
  });

  it.each(['Bearer right-secret', 'bearer right-secret', 'right-secret'])(
    'accepts the header %j',
    async authorization => {
      const { app, sender } = await startWebhookHost(adapter);

      const answer = await sender.call(userMessage(), { authorization });

      expect(answer.status).toBe(200);
      await idle(app);
      expect(dispatched(app, 'CatchAllHandlers.save')).toHaveLength(1);
    },
  );

  it('logs the reason and the origin of a refused call, but not its secret', async () => {
    const { sender, logs } = await startWebhookHost(adapter);

    for (const authorization of [
      'Bearer hunter2',
      'Bearer hunter3',
      'Basic hunter4',
    ]) {
      await sender.call(userMessage(), { authorization });
    }

    expect(logs.ofXenioo('warn')).toEqual([
      'Answered 401 to a call from 127.0.0.1: its secret is not configured',
      'Answered 401 to a call from 127.0.0.1: its Authorization header has a scheme other than Bearer',
    ]);
    expect(JSON.stringify(logs.lines)).not.toMatch(/hunter|right-secret/);
  });

  it('accepts two secrets during a rotation', async () => {
    const { sender } = await startWebhookHost(adapter, {
      secret: ['old', 'new'],
    });

    for (const [secret, status] of [
      ['old', 200],
      ['new', 200],
      ['older', 401],
    ]) {
      const authorization = `Bearer ${secret}`;
      const answer = await sender.call(userMessage(), { authorization });
      expect(answer.status).toBe(status);
    }
  });

  it('identifies the bot by its secret and quarantines entries of other bots', async () => {
    const { app, sender } = await startWebhookHost(adapter, {
      bots: [
        { name: 'support', token: 'token-a', secret: 'secret-a' },
        { name: 'shop', token: 'token-b', secret: ['secret-b', 'secret-c'] },
      ],
    });

    const answer = await sender.call(
      [
        userMessage({ BotToken: 'token-b', Data: 'own' }),
        userMessage({ BotToken: 'token-a', Data: 'of another bot' }),
        userMessage({ BotToken: 'token-x', Data: 'of nobody' }),
        userMessage({ Data: 'without a token' }),
      ],
      { authorization: 'Bearer secret-c' },
    );

    expect(answer).toMatchObject({ status: 200, body: '' });
    await idle(app);
    expect(dispatched(app, 'CatchAllHandlers.save')).toMatchObject([
      { event: { bot: 'shop', text: 'own' } },
      { event: { bot: 'shop', text: 'without a token' } },
    ]);
    const { invalid } = app.get(CatchAllHandlers);
    expect(invalid).toMatchObject(
      ['of another bot', 'of nobody'].map(Data => ({
        bot: 'shop',
        reason: 'foreign-bot',
        raw: { Data },
      })),
    );
    const [other, nobody] = invalid.map(({ errors }) => errors[0]);
    expect(other?.replace('entry 1', '')).toBe(nobody?.replace('entry 2', ''));
  });
});
