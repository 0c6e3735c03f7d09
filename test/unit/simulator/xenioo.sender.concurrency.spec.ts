import { describe, expect, it, onTestFinished } from 'vitest';
import { xeniooConversation } from '../../../lib/simulator/xenioo-conversation.js';
import { XeniooSender } from '../../../lib/simulator/xenioo.sender.js';
import { serve } from '../../support/serve.js';

/** Creates a sender to a webhook that answers each call with this status. */
async function senderTo(status: number) {
  const { url } = await serve((request, response) => {
    request.resume();
    response.writeHead(status).end();
  });
  const sender = new XeniooSender({ url, secret: 'secret' });
  onTestFinished(() => sender.close());
  return sender;
}

/** Far more concurrency than calls; 1,000 calls would take 100 s at this interval. */
const plan = { concurrency: 1_000, intervalMs: 100 };

describe('XeniooSender.send() with a high `concurrency`', () => {
  it('finishes when all calls are sent', async () => {
    const sender = await senderTo(200);

    const { calls, durationMs } = await sender.send(
      xeniooConversation({ turns: 0, fallback: false, takeOver: false }),
      plan,
    );

    expect(calls).toBe(3);
    expect(durationMs).toBeLessThan(50_000);
  });

  it('finishes when the sender stops', async () => {
    const sender = await senderTo(500);

    const { calls, stopped, durationMs } = await sender.send(
      xeniooConversation(),
      plan,
    );

    expect(calls).toBe(11);
    expect(stopped).toContain('11 calls failed in total');
    expect(durationMs).toBeLessThan(50_000);
  });
});

describe('XeniooSender.send() with a signal', () => {
  it('causes no listener leak warning', async () => {
    const warnings: Error[] = [];
    const record = (warning: Error) => void warnings.push(warning);
    process.on('warning', record);
    onTestFinished(() => void process.off('warning', record));
    const sender = await senderTo(200);

    await sender.send(xeniooConversation(), {
      concurrency: 50,
      intervalMs: 5,
      signal: new AbortController().signal,
    });

    expect(warnings).toEqual([]);
  });
});
