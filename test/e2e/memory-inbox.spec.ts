import { describe, expect, it, vi } from 'vitest';
import {
  memoryInbox,
  XeniooInbox,
  XeniooWebhookStatus,
} from '../../lib/index.js';
import { deliver, xeniooEntry } from '../../lib/testing/index.js';
import { createLatch } from '../support/create-latch.js';
import { failing, startDelivery } from '../support/delivery-host.js';
import { message, messages, numbered } from '../support/messages.js';

// These promises are those of the memory inbox only.
const inbox = () => undefined;

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  describe('a full memory inbox', () => {
    /** Starts a host whose inbox is full with two events, both waiting for the latch. */
    async function startFull() {
      const started = await startDelivery(
        adapter,
        () => memoryInbox({ maxPending: 2, acknowledgeWithinMs: 0 }),
        { acceptTimeoutMs: 10 },
      );
      const latch = createLatch();
      started.crm.work = () => latch.opened;
      const entries = [message('a'), message('b')];
      await deliver(started.app, entries, { grouped: 2 });
      await expect.poll(() => started.crm.begun).toHaveLength(2);
      return {
        ...started,
        latch,
        status: started.app.get(XeniooWebhookStatus),
      };
    }

    it('answers 503, counts a strike and accepts no entry of the call', async () => {
      const { send, status, latch, idle, crm, letters } = await startFull();

      const entries = [message('c'), xeniooEntry.malformed()];
      expect(await send(entries)).toBe(503);
      expect(status.strikes).toBe(1);
      latch.open();
      await idle();

      expect(crm.saved).toEqual(['a', 'b']);
      expect(await letters.list()).toEqual([]);
    });

    it('accepts again when there is room', async () => {
      const { send, status, latch, idle, crm, handle } = await startFull();
      for (let n = 0; n < 5; n++) expect(await send(message('c'))).toBe(503);

      latch.open();
      await idle();
      for (let n = 0; n < 5; n++) await handle(message('d'));

      expect(crm.saved).toEqual(['a', 'b', 'd', 'd', 'd', 'd', 'd']);
      expect(status.strikes).toBe(5);
    });

    it('delays calls in a burst instead of rejecting them', async () => {
      const { crm, handle } = await startDelivery(
        adapter,
        () => memoryInbox({ maxPending: 2, acknowledgeWithinMs: 0 }),
        { acceptTimeoutMs: 9_000, concurrency: 1 },
      );
      crm.work = () => new Promise(setImmediate);

      const rush = numbered('message', 60).map(text => message(text));
      await handle(rush, { concurrency: 60 });

      expect(new Set(crm.saved).size).toBe(60);
    });

    it('accepts an event once when simultaneous calls wait for room with it', async () => {
      const host = await startDelivery(
        adapter,
        () => memoryInbox({ maxPending: 1, acknowledgeWithinMs: 0 }),
        { acceptTimeoutMs: 9_000 },
      );
      const { app, crm, notified, send, idle } = host;
      const latch = createLatch();
      crm.work = () => latch.opened;
      await deliver(app, message('first'));
      const accept = vi.spyOn(
        app.get(XeniooInbox, { strict: false }),
        'accept',
      );
      const twin = message('twin');
      const calls = Array.from({ length: 5 }, () => send(twin));
      const other = send(message('other'));
      await expect.poll(() => accept).toHaveBeenCalledTimes(6);

      latch.open();
      expect(new Set(await Promise.all([...calls, other]))).toEqual(
        new Set([200]),
      );
      await idle();
      expect(notified().toSorted()).toEqual(['first', 'other', 'twin']);
    });

    it('accepts a repeated event whose first call was answered 503', async () => {
      const { send, latch, idle, crm, handle } = await startFull();
      const again = message('again');
      const calls = [again, again].map(send);
      expect(await Promise.all(calls)).toEqual([503, 503]);

      latch.open();
      await idle();
      await handle([again, again]);

      expect(crm.saved).toEqual(['a', 'b', 'again']);
    });

    it('accepts a replay', async () => {
      const { app, crm, handle, idle, letters } = await startDelivery(
        adapter,
        () => memoryInbox({ maxPending: 1 }),
        { acceptTimeoutMs: 0, retry: false },
      );
      crm.work = failing(1);
      await handle(message('a'));
      const latch = createLatch();
      crm.work = () => latch.opened;
      const waits = deliver(app, message('b'));
      await expect.poll(() => crm.begun).toContain('b');

      expect(await letters.replayAll()).toBe(1);
      latch.open();
      await waits;
      await idle();

      expect(crm.saved.toSorted()).toEqual(['a', 'b']);
    });
  });

  describe('a memory inbox at shutdown', () => {
    const HOUR = { attempts: 5, backoff: 'fixed', delayMs: 3_600_000 } as const;

    async function startPatient() {
      return startDelivery(adapter, inbox, { retry: HOUR });
    }

    it('runs the pending retries once more at once', async () => {
      const { app, crm, alarm } = await startPatient();
      crm.work = failing(1);
      await deliver(app, message('a'));
      expect(crm.saved).toEqual([]);

      await app.close();

      expect(crm.begun).toEqual(['a', 'a']);
      expect(crm.saved).toEqual(['a']);
      expect(alarm.failures).toEqual([]);
    });

    it('calls @OnXeniooFailed() when the last attempt fails', async () => {
      const { app, crm, alarm, logs, letters } = await startPatient();
      crm.work = failing(9);
      await deliver(app, [message('a'), message('b')], { grouped: 2 });

      await app.close();

      expect(crm.begun).toHaveLength(4);
      expect(alarm.failures).toMatchObject([
        { handler: 'Crm.save', attempts: 2 },
        { handler: 'Crm.save', attempts: 2 },
      ]);
      expect(await letters.list()).toHaveLength(2);
      expect(logs.ofXenioo('error')).toEqual([
        expect.stringContaining(
          '(attempt 2; no more attempts: the application shuts down)',
        ),
        expect.stringContaining(
          '(attempt 2; no more attempts: the application shuts down)',
        ),
      ]);
      expect(logs.ofXenioo('warn').join()).not.toContain('Stopping');
    });

    it('retries once a handler whose first attempt fails meanwhile', async () => {
      const { app, crm, alarm } = await startPatient();
      const latch = createLatch();
      crm.work = async () => {
        await latch.opened;
        throw new Error('CRM is down');
      };
      const sent = deliver(app, message('a'));
      await expect.poll(() => crm.begun).toEqual(['a']);

      const closed = app.close();
      latch.open();
      await closed;
      await sent;

      expect(crm.begun).toEqual(['a', 'a']);
      expect(alarm.failures).toMatchObject([{ attempts: 2 }]);
    });

    it('does not wait for a retry that is due in hours', async () => {
      const { app, crm, logs } = await startPatient();
      crm.work = failing(9);
      await deliver(app, messages(numbered('event', 50)), { grouped: 50 });

      await app.close();

      expect(crm.begun).toHaveLength(50 + 9);
      expect(logs.ofXenioo('warn').join()).not.toContain('Stopping');
    });
  });
});
