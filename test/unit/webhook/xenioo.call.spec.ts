import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { XeniooCall } from '../../../lib/webhook/xenioo.call.js';
import { senderAt } from '../../support/sender-at.js';
import { serve } from '../../support/serve.js';
import { startHook } from '../../support/start-hook.js';

const BOT = { name: 'support', secrets: ['right-secret'] };

/** What comes of a call that is dealt with so. */
async function dealt(
  deal: (call: XeniooCall, response: ServerResponse) => void,
) {
  const { recorder, heard } = await startHook();
  const closed: Promise<unknown>[] = [];
  const { url } = await serve((_request, response) => {
    closed.push(once(response, 'close'));
    deal(new XeniooCall(BOT, '[]', new Date(), response, recorder), response);
  });
  const { status, body: text } = await senderAt(url).call([]);
  await Promise.all(closed);
  const strikes = heard.map(([, strike]) => strike);
  return { status, text, recorder, strikes };
}

describe('a call', () => {
  it('shows neither its body nor a secret to who prints it', async () => {
    let printed = '';
    await dealt(call => {
      printed = inspect(call, { depth: null, showHidden: true });
      call.accept(true);
    });

    expect(printed).toContain('XeniooCall');
    expect(printed).not.toMatch(/right-secret|\[\]/);
  });

  it('is taken once, however often the controller runs', async () => {
    const takes: boolean[] = [];
    await dealt(call => {
      takes.push(call.taken, call.take(), call.take(), call.taken);
      call.accept(true);
    });

    expect(takes).toEqual([false, true, false, true]);
  });

  it('is not taken where the host has answered it', async () => {
    let isTaken = true;
    await dealt((call, response) => {
      response.writeHead(200).end();
      isTaken = call.take();
    });

    expect(isTaken).toBe(false);
  });

  it('that is accepted is answered 200 and counts as accepted', async () => {
    const { status, text, recorder } = await dealt(call => call.accept(true));

    expect({ status, text }).toEqual({ status: 200, text: '' });
    expect(recorder.strikes).toBe(0);
    expect(recorder.lastEventAt).toBeInstanceOf(Date);
  });

  it('that is refused is one strike, and has one answer', async () => {
    const { status, recorder, strikes } = await dealt(call => {
      call.refuse(503, 'the inbox is full');
      call.refuse(400, 'too late');
      call.accept(true);
    });

    expect(status).toBe(503);
    expect(recorder.strikes).toBe(1);
    expect(recorder.lastAcceptedAt).toBeUndefined();
    expect(strikes).toMatchObject([
      { status: 503, bot: 'support', reason: 'the inbox is full' },
    ]);
  });

  it.each([403, 500])(
    'that the host answers %i is a strike, and not accepted',
    async code => {
      const { recorder, strikes } = await dealt((call, response) => {
        response.writeHead(code).end();
        call.accept(true);
      });

      expect(recorder.lastAcceptedAt).toBeUndefined();
      expect(strikes).toMatchObject([
        {
          strikes: 1,
          status: code,
          reason: expect.stringContaining('answered in its place') as string,
        },
      ]);
    },
  );

  it('that the host answers 200 is none', async () => {
    const { recorder } = await dealt((_call, response) => {
      response.writeHead(200).end();
    });

    expect(recorder.strikes).toBe(0);
  });

  it('that never reaches the controller is answered 503, and a strike', async () => {
    const { status, recorder, strikes } = await dealt(() => {});

    expect(status).toBe(503);
    expect(recorder.strikes).toBe(1);
    expect(strikes).toMatchObject([
      {
        reason: expect.stringContaining(
          'kept it from the controller',
        ) as string,
      },
    ]);
  }, 10_000);
});
