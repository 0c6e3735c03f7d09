import { describe, expect, it, vi } from 'vitest';
import { XeniooHookStatus, XeniooInbox } from '../../lib/index.js';
import {
  createGate,
  dated,
  failing,
  message,
  startDelivery,
} from '../support/delivery-host.js';

/** What other inboxes promise here is another thing. */
const inbox = () => undefined;

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  describe('when it is full', () => {
    /** Holds two events, and its handlers wait for the gate. */
    async function startFull() {
      const started = await startDelivery(adapter, inbox, {
        maxPending: 2,
        acceptTimeoutMs: 10,
        acknowledgeWithinMs: 0,
      });
      const gate = createGate();
      started.crm.work = () => gate.opened;
      expect(await started.send([message('a'), message('b')])).toBe(200);
      await vi.waitFor(() => expect(started.crm.begun).toHaveLength(2), {
        timeout: 5_000,
      });
      return { ...started, gate, status: started.app.get(XeniooHookStatus) };
    }

    it('answers 503, which is a strike, and takes nothing of the call', async () => {
      const { send, status, gate, idle, crm, letters } = await startFull();

      expect(await send([message('c'), { Type: 'x' }])).toBe(503);
      expect(status.strikes).toBe(1);
      gate.open();
      await idle();

      expect(crm.saved).toEqual(['a', 'b']);
      expect(await letters.list()).toEqual([]);
    });

    it('recovers when there is room again', async () => {
      const { send, status, gate, idle, crm } = await startFull();
      for (let n = 0; n < 5; n++) expect(await send(message('c'))).toBe(503);

      gate.open();
      await idle();
      for (let n = 0; n < 5; n++) expect(await send(message('d'))).toBe(200);
      await idle();

      expect(crm.saved).toEqual(['a', 'b', 'd', 'd', 'd', 'd', 'd']);
      expect(status.strikes).toBe(5);
    });

    it('makes calls wait, so that a rush is only slower', async () => {
      const { crm, send, idle } = await startDelivery(adapter, inbox, {
        maxPending: 2,
        acceptTimeoutMs: 5_000,
        acknowledgeWithinMs: 0,
        concurrency: 1,
      });
      crm.work = () => new Promise(setImmediate);

      const calls = Array.from({ length: 60 }, (_, n) => send(message(`${n}`)));

      expect(new Set(await Promise.all(calls))).toEqual(new Set([200]));
      await idle();
      expect(new Set(crm.saved).size).toBe(60);
    });

    it('takes an event once of calls that wait for room together', async () => {
      const host = await startDelivery(adapter, inbox, {
        maxPending: 1,
        acceptTimeoutMs: 5_000,
        acknowledgeWithinMs: 0,
      });
      const { app, crm, desk, send, idle } = host;
      const gate = createGate();
      crm.work = () => gate.opened;
      expect(await send(message('first'))).toBe(200);
      const accept = vi.spyOn(
        app.get(XeniooInbox, { strict: false }),
        'accept',
      );
      const calls = Array.from({ length: 5 }, () => send(dated('twin')));
      const other = send(message('other'));
      await vi.waitFor(() => expect(accept).toHaveBeenCalledTimes(6));

      gate.open();
      expect(new Set(await Promise.all([...calls, other]))).toEqual(
        new Set([200]),
      );
      await idle();
      expect(desk.rung.toSorted()).toEqual(['first', 'other', 'twin']);
    });

    it('takes an event that got 503 when it comes again', async () => {
      const { send, gate, idle, crm } = await startFull();
      const calls = [1, 2].map(() => send(dated('again')));
      expect(await Promise.all(calls)).toEqual([503, 503]);

      gate.open();
      await idle();
      for (let n = 0; n < 2; n++) expect(await send(dated('again'))).toBe(200);
      await idle();

      expect(crm.saved).toEqual(['a', 'b', 'again']);
    });

    it('lets a replay in, which was in before', async () => {
      const { crm, send, idle, letters } = await startDelivery(adapter, inbox, {
        maxPending: 1,
        acceptTimeoutMs: 0,
        retry: false,
      });
      crm.work = failing(1);
      await send(message('a'));
      await idle();
      const gate = createGate();
      crm.work = () => gate.opened;
      const waits = send(message('b'));
      await vi.waitFor(() => expect(crm.begun).toContain('b'), {
        timeout: 5_000,
      });

      expect(await letters.replayAll()).toBe(1);
      gate.open();
      expect(await waits).toBe(200);
      await idle();

      expect(crm.saved.toSorted()).toEqual(['a', 'b']);
    });
  });

  describe('when the application ends', () => {
    const HOUR = { attempts: 5, backoff: 'fixed', delayMs: 3_600_000 } as const;

    async function startPatient() {
      return startDelivery(adapter, inbox, { retry: HOUR });
    }

    it('gives what waits for a retry one more attempt at once', async () => {
      const { app, crm, alarm, send } = await startPatient();
      crm.work = failing(1);
      await send([message('a')]);
      expect(crm.saved).toEqual([]);

      await app.close();

      expect(crm.begun).toEqual(['a', 'a']);
      expect(crm.saved).toEqual(['a']);
      expect(alarm.failures).toEqual([]);
    });

    it('tells @OnXeniooFailed() of what fails once more', async () => {
      const { app, crm, alarm, logs, letters, send } = await startPatient();
      crm.work = failing(9);
      await send([message('a'), message('b')]);

      await app.close();

      expect(crm.begun).toHaveLength(4);
      expect(alarm.failures).toMatchObject([
        { handler: 'Crm.save', attempts: 2 },
        { handler: 'Crm.save', attempts: 2 },
      ]);
      expect(await letters.list()).toHaveLength(2);
      expect(logs.ofXenioo('error')).toEqual([
        expect.stringContaining('gives up (attempt 2, the application ends)'),
        expect.stringContaining('gives up (attempt 2, the application ends)'),
      ]);
      expect(logs.ofXenioo('warn').join()).not.toContain('Stopping');
    });

    it('tries what fails for the first time meanwhile once more too', async () => {
      const { app, crm, alarm, send } = await startPatient();
      const gate = createGate();
      crm.work = async () => {
        await gate.opened;
        throw new Error('CRM is down');
      };
      const sent = send(message('a'));
      await vi.waitFor(() => expect(crm.begun).toEqual(['a']), {
        timeout: 5_000,
      });

      const closed = app.close();
      gate.open();
      await closed;

      expect(await sent).toBe(200);
      expect(crm.begun).toEqual(['a', 'a']);
      expect(alarm.failures).toMatchObject([{ attempts: 2 }]);
    });

    it('does not hold the application for the hours of a retry', async () => {
      const { app, crm, send } = await startPatient();
      crm.work = failing(9);
      await send(Array.from({ length: 50 }, (_, n) => message(`${n}`)));
      const started = performance.now();

      await app.close();

      expect(performance.now() - started).toBeLessThan(2_000);
    });
  });
});
