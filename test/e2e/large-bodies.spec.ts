import { describe, expect, it, onTestFinished } from 'vitest';
import { XeniooInbox, XeniooWebhookStatus } from '../../lib/index.js';
import { senderFor } from '../../lib/testing/index.js';
import { PATH, startDelivery } from '../support/delivery-host.js';
import { describeInboxes } from '../support/inboxes.js';
import { message } from '../support/messages.js';

const LIMIT_BYTES = 10 * 2 ** 20;

/** Far above the default of 5,000, so that a busy machine makes the test slow, not red. */
const ACCEPT_TIMEOUT_MS = 120_000;
const TEST_TIMEOUT_MS = 300_000;
/** Far above the 2 s that are promised on two idle cores, and far below the time for which a large call would block others. */
const NEIGHBOUR_MS = 30_000;

function filled(open: string, entry: string, close: string): string {
  const room = LIMIT_BYTES - open.length - close.length;
  return `${open}${entry.repeat(Math.floor(room / entry.length))}${close}`;
}

/** Bodies of 10 MB, and the `reason` of each as an invalid entry. */
const BODIES: Record<string, [reason: string, body: string]> = {
  'empty objects': ['too-many-entries', filled('[', '{},', '{}]')],
  numbers: ['too-many-entries', filled('[', '0,', '0]')],
  'empty arrays': ['too-many-entries', filled('[', '[],', '[]]')],
  events: ['too-many-entries', filled('[', '{"Type":8},', '{"Type":8}]')],
  'one string': ['not-an-event', filled('"', 'x', '"')],
};

describe.each(['express', 'fastify'] as const)(
  'on %s',
  { timeout: TEST_TIMEOUT_MS },
  adapter => {
    describeInboxes(inbox => {
      async function start() {
        const host = await startDelivery(adapter, inbox.create, {
          acceptTimeoutMs: ACCEPT_TIMEOUT_MS,
        });
        const sender = await senderFor(host.app, {
          path: PATH,
          timeoutMs: 2 * ACCEPT_TIMEOUT_MS,
        });
        onTestFinished(() => sender.close());
        /** Makes a large call, and small ones until it is answered. */
        const sendBesideOthers = async (body: unknown) => {
          const state = { isAnswered: false };
          const large = sender
            .call(body)
            .finally(() => (state.isAnswered = true));
          let longestMs = 0;
          do {
            const startedAt = performance.now();
            const { outcome } = await sender.call(message('small'));
            expect(outcome).toBe(200);
            longestMs = Math.max(longestMs, performance.now() - startedAt);
          } while (!state.isAnswered);
          return { outcome: (await large).outcome, longestMs };
        };
        const idle = () => host.app.get(XeniooInbox, { strict: false }).idle();
        return { ...host, idle, sendBesideOthers };
      }

      it('answers 200 to a call of 19,999 events and handles each of them', async () => {
        const { app, crm, sendBesideOthers, idle } = await start();
        const entries = Array.from({ length: 19_999 }, (_, index) =>
          message(`large ${index}`, { ConversationId: `c${index}` }),
        );

        const { outcome, longestMs } = await sendBesideOthers(entries);

        expect(outcome).toBe(200);
        expect(longestMs).toBeLessThan(NEIGHBOUR_MS);
        await idle();
        const handled = crm.saved.filter(text => text.startsWith('large'));
        expect(new Set(handled).size).toBe(19_999);
        expect(app.get(XeniooWebhookStatus).strikes).toBe(0);
      });

      it.each(Object.entries(BODIES))(
        'answers 200 to 10 MB of %s and answers other calls meanwhile',
        async (_, [reason, body]) => {
          const { app, alarm, letters, sendBesideOthers, idle } = await start();

          const { outcome, longestMs } = await sendBesideOthers(body);

          expect(outcome).toBe(200);
          expect(longestMs).toBeLessThan(NEIGHBOUR_MS);
          await idle();
          expect(alarm.invalid.map(entry => entry.reason)).toEqual([reason]);
          expect(await letters.list()).toHaveLength(1);
          expect(app.get(XeniooWebhookStatus).strikes).toBe(0);
        },
      );
    });
  },
);
