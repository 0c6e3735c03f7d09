import { describe, expect, it, onTestFinished } from 'vitest';
import { xeniooConversation } from '../../../lib/simulator/xenioo-conversation.js';
import { XeniooSender } from '../../../lib/simulator/xenioo.sender.js';
import { serve } from '../../support/serve.js';

/** A sender to a webhook that answers each call with this status. */
async function senderTo(status: number) {
  const { url } = await serve((request, response) => {
    request.resume();
    response.writeHead(status).end();
  });
  const sender = new XeniooSender({ url, secret: 'secret' });
  onTestFinished(() => sender.close());
  return sender;
}

/** Far more calls at once than there are: the last of them would have its turn in 100 s. */
const plan = { concurrency: 1_000, intervalMs: 100 };

describe('XeniooSender.send() with a high `concurrency`', () => {
  it('ends when all calls are sent', async () => {
    const sender = await senderTo(200);

    const { calls, durationMs } = await sender.send(
      xeniooConversation({ turns: 0, fallback: false, takeOver: false }),
      plan,
    );

    expect(calls).toBe(3);
    expect(durationMs).toBeLessThan(50_000);
  });

  it('ends when the sender stops', async () => {
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
  it('causes no warning of a listener leak', async () => {
    const warnings: Error[] = [];
    const keep = (warning: Error) => void warnings.push(warning);
    process.on('warning', keep);
    onTestFinished(() => void process.off('warning', keep));
    const sender = await senderTo(200);

    await sender.send(xeniooConversation(), {
      concurrency: 50,
      intervalMs: 5,
      signal: new AbortController().signal,
    });

    expect(warnings).toEqual([]);
  });
});
