import { Logger } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { setInterval } from 'node:timers/promises';
import { beforeEach, expect, inject, it, onTestFinished, vi } from 'vitest';
import { parseBody } from '../../../lib/events/parse-body.js';
import type { XeniooTask } from '../../../lib/handlers/xenioo-task.js';
import type { XeniooInbox } from '../../../lib/inbox/xenioo.inbox.js';
import { lockKeyOf } from '../../../lib/postgres/postgres.statements.js';
import { XeniooInboxError } from '../../../lib/xenioo.errors.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import { startPostgres } from '../../support/engines/postgres-server.js';
import { LogRecorder } from '../../support/log-recorder.js';
import {
  openPostgresInbox,
  postgresSchema,
} from '../../support/postgres-schema.js';
import { TcpForwarder } from '../../support/tcp-forwarder.js';

const ACCEPT_TIMEOUT_MS = 1_000;

/** Upper bound of the time in milliseconds that a rejection takes on a busy machine. */
const REJECTED_WITHIN_MS = 10_000;

/** Interval in milliseconds of the events of a conversation. */
const EVENT_EVERY_MS = 10;

const CONVERSATIONS = ['ada', 'bob', 'cy', 'dee'];

/** Every n-th event of a conversation is retried once. */
const RETRY_EVERY = 5;

// Most tests start two servers, and one waits for statements that time out after 30 s.
vi.setConfig({ testTimeout: 180_000 });

let logs: LogRecorder;
beforeEach(() => {
  logs = new LogRecorder();
  Logger.overrideLogger(logs);
});

function deliveryOf(conversation: string, n: number) {
  const receivedAt = new Date();
  const body = {
    Type: 1,
    Data: randomUUID(),
    ConversationId: conversation,
    Date: new Date(Date.UTC(2024, 4, 1) + n).toISOString(),
  };
  const bot = { name: 'default', secrets: ['secret'] };
  const entries = parseBody(JSON.stringify(body), { bot, receivedAt });
  return { bot: bot.name, receivedAt, entries };
}

/** Starts a primary with a synchronous standby, and a forwarder to the primary. */
async function startPair() {
  const primary = await startPostgres({
    settings: { synchronous_standby_names: '*', synchronous_commit: 'on' },
  });
  onTestFinished(() => primary.stop());
  const standby = await startPostgres({ standbyOf: primary });
  onTestFinished(() => standby.stop());
  return { primary, standby, forwarder: await startForwarder(primary.port) };
}

async function startForwarder(target: number) {
  const forwarder = await TcpForwarder.start(target);
  onTestFinished(() => forwarder.stop());
  return forwarder;
}

/** Returns the port of the PostgreSQL that all tests share. */
function sharedPort(): number {
  return Number(new URL(inject('postgresUrl')).port);
}

async function openBehind(
  { port }: TcpForwarder,
  options: { schema?: string; worker?: boolean } = {},
  acceptTimeoutMs = ACCEPT_TIMEOUT_MS,
) {
  const connection = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const inbox = await openPostgresInbox(
    { connection, ...options },
    { acceptTimeoutMs },
  );
  onTestFinished(() => inbox.stop(0));
  return inbox;
}

/** Handles events, and returns the ids of the handled ones. */
async function startHandling(inbox: XeniooInbox): Promise<string[]> {
  const ids: string[] = [];
  await inbox.start({
    run: async ({ entry }) => {
      ids.push(entry.id);
      return [];
    },
    announce: async () => {},
    reportDuplicates: () => {},
  });
  return ids;
}

/** Opens an inbox behind the forwarder and starts to accept events of several conversations, each again until it is accepted. */
async function startLoad(forwarder: TcpForwarder) {
  const inbox = await openBehind(forwarder);
  /** Ids of the accepted events, by conversation. */
  const accepted = new Map(CONVERSATIONS.map(name => [name, [] as string[]]));
  const retried = new Set<string>();
  const rejections: { error: unknown; tookMs: number }[] = [];
  const runs: XeniooTask[] = [];
  await inbox.start({
    run: async task => {
      runs.push(task);
      await new Promise(setImmediate);
      const attempts = task.attempts + 1;
      const handler = 'Crm.save';
      if (attempts > 1 || !retried.has(task.entry.id)) {
        return [{ handler, status: 'done', attempts }];
      }
      const error = new Error('CRM is down');
      const retryAt = Date.now() + 100;
      return [{ handler, status: 'retry', attempts, retryAt, error }];
    },
    announce: async () => {},
    reportDuplicates: () => {},
  });
  let isOver = false;
  const call = async (conversation: string) => {
    let n = 0;
    for await (const _ of setInterval(EVENT_EVERY_MS)) {
      if (isOver) return;
      const delivery = deliveryOf(conversation, n);
      const { id } = delivery.entries[0]!;
      if (n++ % RETRY_EVERY === 0) retried.add(id);
      for (let isAccepted = false; !isAccepted;) {
        const askedAt = performance.now();
        try {
          await inbox.accept(delivery);
          isAccepted = true;
        } catch (error) {
          rejections.push({ error, tookMs: performance.now() - askedAt });
        }
      }
      accepted.get(conversation)!.push(id);
    }
  };
  const calls = CONVERSATIONS.map(call);
  const countAccepted = () =>
    [...accepted.values()].reduce((sum, ids) => sum + ids.length, 0);
  return {
    inbox,
    runs,
    rejections,
    countAccepted,
    /** Waits until more events are accepted and handled. */
    goesOn: async (timeout = 30_000) => {
      const events = countAccepted() + 100;
      const handled = runs.length + 100;
      await expect.poll(countAccepted, { timeout }).toBeGreaterThan(events);
      await expect
        .poll(() => runs.length, { timeout })
        .toBeGreaterThan(handled);
    },
    end: async () => {
      isOver = true;
      await Promise.all(calls);
      await inbox.idle();
    },
    /** Expects that every accepted event was handled, in the order of its conversation, and that retries were run. */
    expectAllHandled: () => {
      const attempted = new Map(
        CONVERSATIONS.map(name => [name, new Set<string>()]),
      );
      const retries = new Set<string>();
      for (const { entry, handler } of runs) {
        if (handler !== undefined) retries.add(entry.id);
        else if ('conversationId' in entry) {
          attempted.get(entry.conversationId)!.add(entry.id);
        }
      }
      for (const [conversation, ids] of accepted) {
        expect([...attempted.get(conversation)!]).toEqual(ids);
      }
      expect(retries).toEqual(retried);
    },
    expectRejectionsInTime: () => {
      expect(rejections.length).toBeGreaterThan(0);
      for (const { error, tookMs } of rejections) {
        expect(error).toBeInstanceOf(XeniooInboxError);
        expect(tookMs).toBeLessThan(REJECTED_WITHIN_MS);
      }
    },
  };
}

async function expectOneFailureAndRecovery(): Promise<void> {
  expect(logs.ofXenioo('error')).toEqual([
    expect.stringContaining('failed; retrying'),
  ]);
  // It is logged after a second without failures.
  await expect.poll(recoveries).toHaveLength(1);
}

function recoveries(): string[] {
  return logs.ofXenioo('log').filter(text => text.includes('works again'));
}

describeEngine('postgres', 'the PostgreSQL inbox after a failover', () => {
  it('handles every event that was accepted before, during and after the failover to a synchronous standby', async () => {
    const { primary, standby, forwarder } = await startPair();
    const load = await startLoad(forwarder);
    const { inbox, rejections } = load;
    await load.goesOn();

    await primary.kill();
    await expect.poll(() => rejections.length).toBeGreaterThan(0);

    forwarder.target = standby.port;
    await expect
      .poll(() => String(rejections.at(-1)!.error))
      .toContain('read-only transaction');
    await expect(inbox.assertAccepting()).rejects.toThrow(XeniooInboxError);
    // These connections stay open, and serve other statements after the promotion.
    await Promise.all([1, 2, 3].map(() => inbox.stats()));

    const { query } = postgresSchema(standby.url);
    await query('SELECT pg_promote()');
    await load.goesOn();
    await inbox.assertAccepting();
    await expect.poll(recoveries).toHaveLength(1);
    await load.end();

    load.expectAllHandled();
    load.expectRejectionsInTime();
    await expectOneFailureAndRecovery();
  });

  it('accepts events within seconds after the primary has vanished without closing its connections, and handles all of them', async () => {
    const { primary, standby, forwarder } = await startPair();
    const load = await startLoad(forwarder);
    await load.goesOn();

    forwarder.silence();
    forwarder.target = standby.port;
    await primary.kill();
    const { query } = postgresSchema(standby.url);
    await query('SELECT pg_promote()');
    const promotedAt = performance.now();
    const before = load.countAccepted();
    await expect.poll(load.countAccepted).toBeGreaterThan(before + 10);
    const recoveredAfterMs = performance.now() - promotedAt;

    // Other statements that wait for the vanished primary end after 30 s.
    await load.goesOn(120_000);
    await expect.poll(recoveries).toHaveLength(1);
    await load.end();

    expect(recoveredAfterMs).toBeLessThan(REJECTED_WITHIN_MS);
    load.expectAllHandled();
    load.expectRejectionsInTime();
    await expectOneFailureAndRecovery();
  });

  it('opens on a standby, and accepts a delivery once the standby is promoted within `acceptTimeoutMs`', async () => {
    const { primary, standby, forwarder } = await startPair();
    await openBehind(forwarder);
    await primary.kill();
    forwarder.target = standby.port;

    const inbox = await openBehind(forwarder, {}, 30_000);
    const accepted = inbox.accept(deliveryOf('ada', 1));
    const { query } = postgresSchema(standby.url);
    await query('SELECT pg_promote()');
    await accepted;

    expect((await inbox.stats()).pending).toBe(1);
  });

  it('rejects deliveries while the only synchronous standby is down, and logs that once', async () => {
    const { standby, forwarder } = await startPair();
    const inbox = await openBehind(forwarder);
    const runs = await startHandling(inbox);
    await standby.kill();

    const delivery = deliveryOf('ada', 1);
    for (let call = 0; call < 3; call++) {
      await expect(inbox.accept(delivery)).rejects.toThrow('no commit within');
    }
    // Heartbeats, which need no standby, have succeeded.
    expect(recoveries()).toEqual([]);
    await standby.start();
    await vi.waitFor(() => inbox.accept(delivery), 30_000);
    await inbox.idle();

    expect(runs).toEqual([delivery.entries[0]!.id]);
    await expect.poll(recoveries).toHaveLength(1);
    await expectOneFailureAndRecovery();
  });

  it('rejects one delivery after all open connections have become silent, and accepts the next one', async () => {
    const { schema, remove } = postgresSchema();
    onTestFinished(remove);
    const forwarder = await startForwarder(sharedPort());
    const options = { schema, worker: false };
    const inbox = await openBehind(forwarder, options, 3_000);
    await Promise.all(Array.from({ length: 10 }, () => inbox.stats()));

    forwarder.silence();
    const delivery = deliveryOf('ada', 1);
    await expect(inbox.accept(delivery)).rejects.toThrow('no commit within');
    await inbox.accept(delivery);

    expect((await inbox.stats()).pending).toBe(1);
  });

  it('handles the events of another process although the session of notifications is silent, and opens another session', async () => {
    const { schema, query, remove } = postgresSchema();
    onTestFinished(remove);
    const receiver = await openPostgresInbox({ schema, worker: false });
    onTestFinished(() => receiver.stop(0));
    const forwarder = await startForwarder(sharedPort());
    const worker = await openBehind(forwarder, { schema });
    const runs = await startHandling(worker);
    /** Returns the ports of the sessions of workers. */
    const sessions = async () => {
      const rows = await query(
        "SELECT client_port FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE locktype = 'advisory' AND classid = $1",
        [lockKeyOf(schema)],
      );
      return rows.map(row => Number(row['client_port']));
    };
    await expect.poll(sessions).toHaveLength(1);
    const [port] = await sessions();

    forwarder.silence(port);
    const delivery = deliveryOf('ada', 1);
    await receiver.accept(delivery);
    await expect.poll(() => runs).toEqual([delivery.entries[0]!.id]);
    await expect
      .poll(async () => (await sessions()).filter(other => other !== port))
      .toHaveLength(1);

    expect(logs.ofXenioo('error')).toEqual([]);
  });
});
