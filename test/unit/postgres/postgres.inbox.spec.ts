import { Logger } from '@nestjs/common';
import { randomBytes, randomUUID } from 'node:crypto';
import { chown, readFile } from 'node:fs/promises';
import { Client, Pool, type QueryConfig, type QueryResult } from 'pg';
import { beforeEach, expect, inject, it, onTestFinished, vi } from 'vitest';
import { parseBody } from '../../../lib/events/parse-body.js';
import type { XeniooEntry } from '../../../lib/events/parse-entry.js';
import { isInvalidEntry } from '../../../lib/events/xenioo-event.table.js';
import type { XeniooDeadLetter } from '../../../lib/handlers/xenioo-dead-letter.js';
import type {
  XeniooHandlerResult,
  XeniooTask,
} from '../../../lib/handlers/xenioo-task.js';
import type {
  XeniooTimeLimit,
  XeniooTransaction,
} from '../../../lib/handlers/xenioo-transaction.js';
import type { XeniooDuplicates } from '../../../lib/handlers/xenioo.observers.js';
import type { XeniooInbox } from '../../../lib/inbox/xenioo.inbox.js';
import { MAX_DEATHS } from '../../../lib/inbox/record-deaths.js';
import { schemaSql } from '../../../lib/postgres/postgres.schema.js';
import { statementsFor } from '../../../lib/postgres/postgres.statements.js';
import { XeniooInboxError } from '../../../lib/xenioo.errors.js';
import { createLatch } from '../../support/create-latch.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import { ordinaryUser } from '../../support/engines/ordinary-user.js';
import { startPostgres } from '../../support/engines/postgres-server.js';
import { LogRecorder } from '../../support/log-recorder.js';
import {
  openPostgresInbox,
  postgresSchema,
} from '../../support/postgres-schema.js';
import {
  hasSmallDisks,
  makeSmallDisk,
  NO_SMALL_DISKS,
} from '../../support/small-disk.js';

let logs: LogRecorder;
beforeEach(() => {
  logs = new LogRecorder();
  Logger.overrideLogger(logs);
});

function eventsOf(
  conversation: string | null,
  count: number,
  text = '',
): XeniooEntry[] {
  const body = Array.from({ length: count }, (_, index) => ({
    Type: 1,
    Data: randomUUID() + text,
    ConversationId: conversation,
    Date: `2024-05-01T12:00:00.${String(index).padStart(7, '0')}Z`,
  }));
  const bot = { name: 'default', secrets: ['secret'] };
  return parseBody(JSON.stringify(body), { bot, receivedAt: new Date() });
}

const delivery = (entries: XeniooEntry[]) => ({
  bot: 'default',
  receivedAt: new Date(),
  entries,
});

/** Opens an inbox that stops when the test ends, and returns it with the tasks that it has run. */
async function open(
  options: Parameters<typeof openPostgresInbox>[0],
  settings?: Parameters<typeof openPostgresInbox>[1],
) {
  const inbox = await openPostgresInbox(options, settings);
  onTestFinished(() => inbox.stop(0));
  const runs: XeniooTask[] = [];
  const duplicates: XeniooDuplicates[] = [];
  return {
    inbox,
    runs,
    duplicates,
    start: (
      handle: (task: XeniooTask) => Promise<readonly XeniooHandlerResult[]>,
    ) => start(inbox, runs, handle, duplicates),
  };
}

async function start(
  inbox: XeniooInbox,
  runs: XeniooTask[],
  handle: (task: XeniooTask) => Promise<readonly XeniooHandlerResult[]>,
  duplicates: XeniooDuplicates[] = [],
) {
  await inbox.start({
    run: async task => {
      runs.push(task);
      return handle(task);
    },
    announce: async () => {},
    reportDuplicates: found => void duplicates.push(found),
  });
}

/** Returns the time limit of a handler that never times out. */
const noLimit = (): XeniooTimeLimit => ({
  signal: new AbortController().signal,
  pause: () => {},
  restart: () => {},
});

/** Returns the result of a handler that is retried at once. */
function retryNow(): readonly XeniooHandlerResult[] {
  const error = new Error('down');
  const retryAt = Date.now();
  return [
    { handler: 'Crm.save', status: 'retry', attempts: 1, retryAt, error },
  ];
}

/** Delays statements of the inbox, or their answers, until promises resolve, and lists those that were sent. */
function watchStatements(
  pool: Pool,
  delay?: (name: string) => Promise<void> | undefined,
  delayAnswer?: (name: string, rows: number) => Promise<void> | undefined,
) {
  const sent: { name: string; answered: Promise<QueryResult> }[] = [];
  const send = pool.query.bind(pool) as (
    config: QueryConfig,
  ) => Promise<QueryResult>;
  const query = (config: QueryConfig): Promise<QueryResult> => {
    const name = config.name?.split('_').at(-1) ?? '';
    const answered = (async () => {
      await delay?.(name);
      const result = await send(config);
      await delayAnswer?.(name, result.rows.length);
      return result;
    })();
    sent.push({ name, answered });
    return answered;
  };
  pool.query = query as typeof pool.query;
  return {
    sent: (name: string) =>
      sent.filter(each => each.name === name).map(({ answered }) => answered),
  };
}

/** Result of a handler after its last attempt. */
const FAILED: readonly XeniooHandlerResult[] = [
  {
    handler: 'Crm.save',
    status: 'failed',
    attempts: 1,
    error: new Error('down'),
  },
];

/** Names a schema that is dropped when the test ends, after its inboxes have stopped. */
function ownSchema(url?: string) {
  const own = postgresSchema(url);
  onTestFinished(own.remove);
  return own;
}

/** Creates a function of triggers, which waits in each statement until `release()` is called. */
async function holdStatements({ schema, query }: ReturnType<typeof ownSchema>) {
  const lock = await holdLock(schema);
  await query(`
    CREATE FUNCTION ${schema}.wait() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN PERFORM pg_advisory_xact_lock_shared(${lock.key}); RETURN NEW; END'`);
  return lock;
}

/** Takes an advisory lock until `release()` is called. */
async function holdLock(schema: string) {
  const client = new Client(inject('postgresUrl'));
  await client.connect();
  onTestFinished(() => client.end());
  const key = randomBytes(4).readUInt32BE();
  await client.query('SELECT pg_advisory_lock($1)', [key]);
  return {
    key,
    /** Resolves when this number of statements on the schema wait for locks. */
    areWaiting: async (count: number) => {
      await expect
        .poll(async () => {
          const { rows } = await client.query(
            `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%${schema}%'`,
          );
          return rows;
        })
        .toHaveLength(count);
    },
    release: () => client.query('SELECT pg_advisory_unlock($1)', [key]),
  };
}

describeEngine('postgres', 'the PostgreSQL inbox', () => {
  it('runs the events of a conversation one after another, in two processes', async () => {
    const { schema } = ownSchema();
    const begun: string[] = [];
    let running = 0;
    let most = 0;
    const handle = async ({ entry }: XeniooTask) => {
      most = Math.max(most, ++running);
      begun.push(entry.id);
      await new Promise(setImmediate);
      running--;
      return [];
    };
    const inboxes = [await open({ schema }), await open({ schema })];
    const events = eventsOf('ada', 300);
    for (const { start } of inboxes) await start(handle);

    for (let from = 0; from < events.length; from += 10) {
      const { inbox } = inboxes[(from / 10) % 2]!;
      await inbox.accept(delivery(events.slice(from, from + 10)));
    }
    for (const { inbox } of inboxes) await inbox.idle();

    expect(most).toBe(1);
    expect(begun).toEqual(events.map(({ id }) => id));
  });

  it('drops and reports the duplicates of several receiving processes, and keeps the order of their calls', async () => {
    const { schema } = ownSchema();
    const receivers = [
      await open({ schema, worker: false }),
      await open({ schema, worker: false }),
    ];
    const { inbox, runs, start, duplicates } = await open({ schema });
    const [first, second, third] = eventsOf('ada', 3);
    const calls = [[first!], [second!, first!], [third!], [first!, third!]];

    for (const [index, entries] of calls.entries()) {
      await receivers[index % 2]!.inbox.accept(delivery(entries));
    }
    expect((await inbox.stats()).pending).toBe(6);
    await start(async () => []);
    await inbox.idle();

    expect(runs.map(({ entry }) => entry.id)).toEqual(
      [first, second, third].map(entry => entry!.id),
    );
    expect(duplicates).toEqual([{ bot: 'default', count: 3 }]);
    expect((await inbox.stats()).pending).toBe(0);
  });

  it('takes over the conversation of a process without heartbeats, and ignores the late result of that process', async () => {
    const { schema, query } = ownSchema();
    let release = () => {};
    const hanging = new Promise<void>(resolve => (release = resolve));
    const hung = await open({ schema });
    await hung.start(async () => {
      await hanging;
      const error = new Error('too late');
      return [{ handler: 'Crm.save', status: 'failed', attempts: 1, error }];
    });
    const events = eventsOf('ada', 1);
    await hung.inbox.accept(delivery(events));
    await vi.waitFor(() => expect(hung.runs).toHaveLength(1));
    const other = await open({ schema });

    // As if the process had been suspended for longer than its lease.
    await query(`UPDATE ${schema}.worker SET beat = now() - interval '1 hour'`);
    await other.start(async () => []);
    await other.inbox.idle();
    release();
    await hung.inbox.idle();
    await expect
      .poll(() => logs.ofXenioo('warn').join('\n'))
      .toContain('took over the events of this one');

    expect(other.runs.map(({ entry }) => entry.id)).toEqual(
      events.map(({ id }) => id),
    );
    expect(hung.runs).toHaveLength(1);
    expect(await other.inbox.deadLetters.list()).toEqual([]);
    expect(logs.ofXenioo('warn').join('\n')).toContain(
      'took over the events of this one',
    );
  });

  it('leaves to the next process what it claims while it stops', async () => {
    const own = ownSchema();
    const { schema, query } = own;
    const stopping = await open({ schema });
    const events = eventsOf('ada', 1);
    await stopping.inbox.accept(delivery(events));
    const claim = await holdStatements(own);
    await query(`
      CREATE TRIGGER held_claim BEFORE UPDATE ON ${schema}.lane FOR EACH ROW
        WHEN (NEW.worker IS NOT NULL) EXECUTE FUNCTION ${schema}.wait()`);
    await stopping.start(async () => []);
    await claim.areWaiting(1);

    const stopped = stopping.inbox.stop(5_000);
    // The end of the worker waits for its claim.
    await claim.areWaiting(2);
    await claim.release();
    await stopped;
    const other = await open({ schema });
    await other.start(async () => []);
    await other.inbox.idle();

    const ids = [...stopping.runs, ...other.runs].map(({ entry }) => entry.id);
    expect(ids).toEqual(events.map(({ id }) => id));
    expect(logs.ofXenioo('warn')).toEqual([]);
  });

  it('releases what a worker claims while two others find it dead', async () => {
    const { schema, query } = ownSchema();
    const { inbox, runs, start } = await open({ schema });
    const sql = statementsFor(schema);
    await inbox.accept(delivery(eventsOf('ada', 1)));
    await query(sql.distribute, [0]);
    const [worker] = await query(sql.registerWorker, [true, 86_400_000]);
    await query(`UPDATE ${schema}.worker SET beat = now() - interval '1 hour'`);
    // Each of the others looks for dead workers until its lock is released.
    await query(`
      CREATE FUNCTION ${schema}.locks() RETURNS SETOF pg_catalog.pg_locks LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_advisory_xact_lock_shared(current_setting(''test.key'')::bigint); END';
      CREATE VIEW ${schema}.pg_locks AS SELECT * FROM ${schema}.locks()`);
    const locks = [await holdLock(schema), await holdLock(schema)];
    const others = locks.map(({ key }) => {
      const options = `-c test.key=${key} -c search_path=${schema},pg_catalog`;
      const url = `${inject('postgresUrl')}?options=${encodeURIComponent(options)}`;
      return postgresSchema(url).query(sql.releaseDeadWorkers, [0]);
    });
    await locks[0]!.areWaiting(2);

    const claimed = await query(sql.claim, [worker!['id'], 1, 1, 1, 0, 1]);
    for (const [index, lock] of locks.entries()) {
      await lock.release();
      await others[index];
    }
    await start(async () => []);

    expect(claimed).toHaveLength(1);
    await expect.poll(() => runs).toHaveLength(1);
  });

  it('takes over the events of another process after the `leaseMs` of that process', async () => {
    const { schema, query } = ownSchema();
    const [pool, otherPool] = [1, 2].map(
      () => new Pool({ connectionString: inject('postgresUrl') }),
    ) as [Pool, Pool];
    onTestFinished(async () => {
      await pool.end();
      await otherPool.end();
    });
    const resumed = createLatch();
    const statements = watchStatements(otherPool);
    watchStatements(pool, name =>
      name === 'heartbeat' ? resumed.opened : undefined,
    );
    const patient = await open({
      schema,
      connection: pool,
      leaseMs: 60_000,
    });
    await patient.inbox.accept(delivery(eventsOf('ada', 1)));
    const running = createLatch();
    await patient.start(async () => {
      await running.opened;
      return [];
    });
    await expect.poll(() => patient.runs).toHaveLength(1);
    const other = await open({
      schema,
      connection: otherPool,
      leaseMs: 2_000,
    });
    await query(`UPDATE ${schema}.worker SET beat = now() - interval '9 s'`);

    await other.start(async () => []);
    await expect
      .poll(() => statements.sent('hasSuspects').length)
      .toBeGreaterThan(1);
    resumed.open();
    running.open();
    await patient.inbox.idle();

    expect(other.runs).toEqual([]);
  });

  it('does not take over its own events when it was suspended during a heartbeat', async () => {
    const { schema, query } = ownSchema();
    const pool = new Pool({ connectionString: inject('postgresUrl') });
    onTestFinished(() => pool.end());
    const resumed = createLatch();
    const statements = watchStatements(pool, name =>
      name === 'releaseDeadWorkers' ? resumed.opened : undefined,
    );
    const { inbox, runs, start } = await open({ connection: pool, schema });
    const running = createLatch();
    await inbox.accept(delivery(eventsOf('ada', 1)));
    await start(async () => {
      await running.opened;
      return [];
    });
    await expect.poll(() => runs).toHaveLength(1);
    await expect
      .poll(() => statements.sent('releaseDeadWorkers'))
      .toHaveLength(1);

    await query(`UPDATE ${schema}.worker SET beat = now() - interval '1 hour'`);
    resumed.open();
    await expect
      .poll(() => statements.sent('heartbeat').length)
      .toBeGreaterThan(1);
    running.open();
    await inbox.idle();

    expect(runs).toHaveLength(1);
    expect(logs.ofXenioo('warn')).toEqual([]);
  });

  it('runs an event once that it claims while it looks for claims without an answer', async () => {
    const { schema, query } = ownSchema();
    const pool = new Pool({ connectionString: inject('postgresUrl') });
    onTestFinished(() => pool.end());
    const check = createLatch();
    const statements = watchStatements(pool, name =>
      name === 'releaseClaims' ? check.opened : undefined,
    );
    const { inbox, runs, start } = await open({ connection: pool, schema });
    const running = createLatch();
    await start(async () => {
      await running.opened;
      return [];
    });
    await expect.poll(() => statements.sent('releaseClaims')).toHaveLength(1);

    await inbox.accept(delivery(eventsOf('ada', 1)));
    await expect.poll(() => query(`TABLE ${schema}.lane`)).toHaveLength(1);
    await Promise.all(statements.sent('claim'));
    const before = statements.sent('claim').length;
    check.open();
    await expect
      .poll(() => statements.sent('claim').length)
      .toBeGreaterThan(before);
    await Promise.all(statements.sent('claim'));
    running.open();
    await inbox.idle();

    expect(runs).toHaveLength(1);
  });

  it('runs an event alone that ended processes, after the answer to a claim came when others had taken over', async () => {
    const { schema, query } = ownSchema();
    const pool = new Pool({ connectionString: inject('postgresUrl') });
    onTestFinished(() => pool.end());
    const answer = createLatch();
    const statements = watchStatements(pool, undefined, (name, rows) =>
      name === 'claim' && rows > 0 ? answer.opened : undefined,
    );
    const late = await open({ connection: pool, schema });
    await late.start(async () => []);
    await late.inbox.accept(delivery(eventsOf('ada', 1)));
    await expect
      .poll(() => query(`SELECT FROM ${schema}.lane WHERE worker IS NOT NULL`))
      .toHaveLength(1);
    const other = await open({ schema });
    await query(`UPDATE ${schema}.worker SET beat = now() - interval '1 hour'`);
    await other.start(async () => []);
    await other.inbox.idle();
    await other.inbox.stop(5_000);
    await expect
      .poll(() => logs.ofXenioo('warn').join('\n'))
      .toContain('took over the events of this one');
    answer.open();
    await Promise.all(statements.sent('claim'));

    await late.inbox.pause();
    await late.inbox.accept(delivery(eventsOf('bob', 1)));
    await query(statementsFor(schema).distribute, [0]);
    await query(`UPDATE ${schema}.lane SET deaths = 2`);
    await late.inbox.resume();

    await expect.poll(() => late.runs).toHaveLength(1);
  });

  it.each([
    ['first run', undefined],
    ['retry', 'Crm.save'],
  ])(
    'handles an event although a transaction from before the tables were dropped commits during its %s',
    async (_, name) => {
      const { schema, query } = ownSchema();
      const { inbox } = await open({ schema });
      const latches = [createLatch(), createLatch()];
      const begun: string[] = [];
      const committed: string[] = [];
      await inbox.start({
        run: async ({ entry, handler }, { transact } = {}) => {
          if (handler !== name) return retryNow();
          const latch = latches[begun.push(entry.id) - 1]!;
          const work = async (tx: XeniooTransaction) => {
            await latch.opened;
            await tx.query('SELECT pg_notify($1, $2)', [schema, entry.id]);
          };
          await transact!('Crm.save', work, noLimit());
          return [];
        },
        announce: async () => {},
        reportDuplicates: () => {},
      });
      const listener = new Client(inject('postgresUrl'));
      await listener.connect();
      onTestFinished(() => listener.end());
      await listener.query(`LISTEN ${schema}`);
      listener.on('notification', ({ payload }) => committed.push(payload!));
      const [before, after] = eventsOf('ada', 2);

      await inbox.accept(delivery([before!]));
      await expect.poll(() => begun).toHaveLength(1);
      await vi.waitFor(() => query(`DROP SCHEMA ${schema} CASCADE`), 20_000);
      await vi.waitFor(() => inbox.accept(delivery([after!])), 20_000);
      await expect.poll(() => begun).toHaveLength(2);
      latches[0]!.open();
      await expect.poll(() => inbox.stats()).toMatchObject({ running: 1 });
      latches[1]!.open();
      await inbox.idle();

      // The server notifies the listener later than it answers the commit.
      await expect.poll(() => committed).toContain(after!.id);
    },
  );

  it('runs each transactional handler once of an event that no process could read at first', async () => {
    const { schema, query } = ownSchema();
    const { inbox } = await open({ schema });
    await query(`CREATE TABLE ${schema}.effect (handler text)`);
    await inbox.accept(delivery(eventsOf('ada', 1)));
    await query(statementsFor(schema).distribute, [0]);
    const withVersion = (from: number, to: number) =>
      `body = convert_to(replace(convert_from(body, 'UTF8'), '"v":${from},', '"v":${to},'), 'UTF8')`;
    // A process of a later version has run the first handler, and was killed.
    await query(
      `UPDATE ${schema}.event SET done = '{Crm.first}', ${withVersion(1, 99)}`,
    );
    await inbox.start({
      run: async (_, { transact, done = [] } = {}) => {
        const names = ['Crm.first', 'Crm.second', 'Crm.third'];
        for (const name of names.filter(each => !done.includes(each))) {
          await transact!(
            name,
            tx => tx.query(`INSERT INTO ${schema}.effect VALUES ($1)`, [name]),
            noLimit(),
          );
        }
        return FAILED;
      },
      announce: async () => {},
      reportDuplicates: () => {},
    });
    await expect.poll(() => query(`TABLE ${schema}.retry`)).toHaveLength(1);

    await query(
      `UPDATE ${schema}.retry SET due = now(), ${withVersion(99, 1)}`,
    );
    await inbox.idle();

    expect(await query(`SELECT handler FROM ${schema}.effect`)).toEqual([
      { handler: 'Crm.second' },
      { handler: 'Crm.third' },
    ]);
    expect(await inbox.deadLetters.list()).toHaveLength(1);
  });

  it('dead-letters an event of a conversation with a very long id', async () => {
    const { schema } = ownSchema();
    const { inbox, start } = await open({ schema });
    await start(async () => FAILED);
    const conversationId = randomBytes(9_000).toString('base64');

    await inbox.accept(delivery(eventsOf(conversationId, 1)));

    await expect
      .poll(() => inbox.deadLetters.list({ conversationId }))
      .toHaveLength(1);
  });

  it('records large dead letters in several statements', async () => {
    const { schema, query } = ownSchema();
    const pool = new Pool({ connectionString: inject('postgresUrl') });
    onTestFinished(() => pool.end());
    const statements = watchStatements(pool);
    const { inbox, start } = await open({ connection: pool, schema });
    await inbox.pause();
    await start(async () => FAILED);
    for (const conversation of ['ada', 'bob', 'cleo', 'dora']) {
      const text = 'x'.repeat(3_000_000);
      await inbox.accept(delivery(eventsOf(conversation, 1, text)));
    }
    await expect.poll(() => query(`TABLE ${schema}.lane`)).toHaveLength(4);

    await inbox.resume();
    await inbox.idle();

    expect(await inbox.deadLetters.list()).toHaveLength(4);
    expect(statements.sent('record').length).toBeGreaterThan(1);
  });

  it('keeps an old dead letter whose handler fails again while old ones are removed', async () => {
    const own = ownSchema();
    const { schema, query } = own;
    const { inbox, start } = await open({ schema }, { dedupe: false });
    await start(async () => FAILED);
    const events = eventsOf('ada', 1);
    await inbox.accept(delivery(events));
    await inbox.idle();
    await query(
      `UPDATE ${schema}.dead_letter SET dead_lettered_at = now() - interval '1 year'`,
    );
    const record = await holdStatements(own);
    await query(`
      CREATE TRIGGER held_record BEFORE UPDATE ON ${schema}.dead_letter
        FOR EACH ROW EXECUTE FUNCTION ${schema}.wait()`);
    await inbox.accept(delivery(events));
    await record.areWaiting(1);

    await query(statementsFor(schema).purgeLetters, [90]);
    await record.release();
    await inbox.idle();

    expect(await inbox.deadLetters.list()).toHaveLength(1);
  });

  it('registers again after the tables were dropped, when another process was faster', async () => {
    const { schema, query } = ownSchema();
    const { start } = await open({ schema });
    await start(async () => []);
    const workers = () => query(`SELECT id FROM ${schema}.worker`);
    await expect.poll(workers).toHaveLength(1);

    await vi.waitFor(
      () =>
        query(`
          DROP SCHEMA ${schema} CASCADE; ${schemaSql(schema)};
          INSERT INTO ${schema}.worker (session, lease_ms) VALUES (false, 60000)`),
      20_000,
    );

    await expect.poll(workers).toHaveLength(2);
  });

  it('retries in a schema with the longest name', async () => {
    const { schema: prefix, query } = ownSchema();
    const schema = prefix.padEnd(40, '_');
    onTestFinished(async () => {
      await query(`DROP SCHEMA ${schema} CASCADE`);
    });
    const { inbox, runs, start } = await open({ schema });
    await start(async ({ handler }) =>
      handler === undefined ? retryNow() : [],
    );

    await inbox.accept(delivery(eventsOf('ada', 1)));

    await expect.poll(() => runs).toHaveLength(2);
    expect(logs.ofXenioo('error')).toEqual([]);
  });

  it('distributes many large events in several statements, so that none takes too long', async () => {
    const { schema, query } = ownSchema();
    const { inbox, runs, start } = await open({ schema });
    const text = 'x'.repeat(8_000_000);
    for (let sent = 0; sent < 6; sent++) {
      await inbox.accept(delivery(eventsOf('ada', 1, text)));
    }

    await query(statementsFor(schema).distribute, [0]);
    const left = await query(`SELECT FROM ${schema}.arrival`);
    await start(async () => []);
    await inbox.idle();

    expect(left.length).toBeGreaterThan(0);
    expect(runs).toHaveLength(6);
  });

  it('warns when it runs an event during which processes died', async () => {
    const { schema, query } = ownSchema();
    const { inbox, runs, start } = await open({ schema });
    const [event] = eventsOf('ada', 1);
    await inbox.accept(delivery([event!]));
    await query(statementsFor(schema).distribute, [0]);
    await query(`UPDATE ${schema}.lane SET deaths = 2`);

    await start(async () => []);
    await inbox.idle();

    expect(runs).toHaveLength(1);
    expect(logs.ofXenioo('warn')).toEqual([
      expect.stringMatching(
        new RegExp(
          `^Event ${event!.id} runs again, .*\\(counted so far: 2; after ${MAX_DEATHS} it becomes a dead letter\\)`,
        ),
      ),
    ]);
  });

  it(`dead-letters an event after ${MAX_DEATHS} process deaths during its run, and runs the next event`, async () => {
    const { schema, query } = ownSchema();
    const { inbox, runs, start } = await open({ schema });
    const [bad, next] = eventsOf('ada', 2);
    await inbox.accept(delivery([bad!, next!, ...eventsOf('bob', 1)]));
    await query(statementsFor(schema).distribute, [0]);
    await query(
      `UPDATE ${schema}.lane SET deaths = ${MAX_DEATHS} WHERE tail = 2`,
    );

    await start(async () => []);
    await inbox.idle();

    const [letter, ...others] = await inbox.deadLetters.list();
    expect(others).toEqual([]);
    expect(letter).toMatchObject({ id: bad!.id, kind: 'event' });
    expect(letter!.error!.message).toContain(
      `the process ended ${MAX_DEATHS} times`,
    );
    expect(runs.map(({ entry }) => entry.id)).not.toContain(bad!.id);
    expect(runs).toHaveLength(2);
  });

  it('rejects deliveries within `acceptTimeoutMs` while the server is down, and accepts them after its restart', async () => {
    const server = await startPostgres();
    onTestFinished(() => server.stop());
    const { inbox, runs, start } = await open(
      { connection: server.url },
      { acceptTimeoutMs: 500 },
    );
    await start(async () => []);
    await inbox.accept(delivery(eventsOf('ada', 1)));
    await inbox.idle();
    await server.kill();

    const askedAt = performance.now();
    const calls = [1, 2, 3].map(() =>
      inbox.accept(delivery(eventsOf('ada', 1))),
    );
    for (const call of calls) {
      await expect(call).rejects.toThrow(XeniooInboxError);
    }
    expect(performance.now() - askedAt).toBeLessThan(3_000);

    await server.start();
    const event = eventsOf('ada', 1);
    await vi.waitFor(() => inbox.accept(delivery(event)), 20_000);
    await inbox.idle();

    expect(runs.map(({ entry }) => entry.id)).toContain(event[0]!.id);
    await expect
      .poll(() => logs.ofXenioo('log').join('\n'))
      .toContain('works again');
    const failures = logs
      .ofXenioo('error')
      .filter(text => text.includes('failed; retrying'));
    expect(failures).toHaveLength(1);
  });

  it('stops the time limit of a handler while other queries take all connections of a shared pool', async () => {
    const { schema } = ownSchema();
    const pool = new Pool({ connectionString: inject('postgresUrl'), max: 4 });
    onTestFinished(() => pool.end());
    const { inbox } = await open({ schema, connection: pool });
    const calls: string[] = [];
    const limit = {
      signal: new AbortController().signal,
      pause: () => void calls.push('pause'),
      restart: () => void calls.push('restart'),
    };
    await inbox.start({
      run: async (_, { transact } = {}) => {
        const taken = await Promise.all([1, 2, 3, 4].map(() => pool.connect()));
        const work = () => void calls.push('work');
        const running = transact!('Crm.save', work, limit);
        await expect.poll(() => pool.waitingCount).toBeGreaterThan(0);
        await expect.poll(() => calls.at(-1)).toBe('pause');
        for (const client of taken) client.release();
        await running;
        return [];
      },
      announce: async () => {},
      reportDuplicates: () => {},
    });
    await inbox.accept(delivery(eventsOf('ada', 1)));
    await inbox.idle();

    expect(calls.slice(-2)).toEqual(['restart', 'work']);
  });

  it('begins the transaction of a handler once the server is back', async () => {
    const server = await startPostgres();
    onTestFinished(() => server.stop());
    const { inbox } = await open({
      connection: { connectionString: server.url, max: 4 },
    });
    const latch = createLatch();
    const begun: string[] = [];
    const failed: string[] = [];
    await inbox.start({
      run: async ({ entry }, { transact } = {}) => {
        const work = async (tx: XeniooTransaction) => {
          begun.push(entry.id);
          await latch.opened;
          await tx.query('SELECT 1');
        };
        await transact!('Crm.save', work, noLimit()).catch(() =>
          failed.push(entry.id),
        );
        return [];
      },
      announce: async () => {},
      reportDuplicates: () => {},
    });
    // The pool allows one transaction at a time.
    const events = [...eventsOf('ada', 1), ...eventsOf('bob', 1)];
    await inbox.accept(delivery(events));
    await expect.poll(() => inbox.stats()).toMatchObject({ running: 2 });
    await expect.poll(() => begun).toHaveLength(1);

    await server.kill();
    latch.open();
    await expect.poll(() => failed).toEqual(begun);
    await server.start();
    await inbox.idle();

    expect(begun.toSorted()).toEqual(events.map(({ id }) => id).toSorted());
    expect(failed).toHaveLength(1);
  });

  it('rejects deliveries within `acceptTimeoutMs` while the server does not answer', async () => {
    const server = await startPostgres();
    onTestFinished(() => server.stop());
    const { inbox, runs, start } = await open(
      { connection: server.url },
      { acceptTimeoutMs: 300 },
    );
    await start(async () => []);
    const first = eventsOf('ada', 1);
    await vi.waitFor(() => inbox.accept(delivery(first)), 20_000);
    await server.pause();
    const askedAt = performance.now();
    const event = eventsOf('bob', 1);
    await expect(inbox.accept(delivery(event))).rejects.toThrow(
      'no commit within',
    );
    expect(performance.now() - askedAt).toBeLessThan(2_000);

    await server.resume();
    // The event runs once, even if the rejected delivery was committed.
    await vi.waitFor(() => inbox.accept(delivery(event)), 20_000);
    await inbox.idle();

    expect(runs).toHaveLength(2);
  });

  it('creates dropped tables again', async () => {
    const { schema, query } = ownSchema();
    const { inbox, runs, start } = await open({ schema });
    await start(async () => []);

    // PostgreSQL chooses this statement or one of the inbox's if they wait for each other.
    await vi.waitFor(() => query(`DROP SCHEMA ${schema} CASCADE`), 20_000);
    await vi.waitFor(() => inbox.accept(delivery(eventsOf('ada', 1))), 20_000);
    await inbox.idle();

    expect(runs).toHaveLength(1);
    expect(logs.ofXenioo('warn').join('\n')).toContain(
      'they were created or repaired',
    );
  });

  it('handles events after the table `version` was emptied', async () => {
    const { schema, query } = ownSchema();
    const { inbox, runs, start } = await open({ schema });
    await start(async () => []);
    await query(`TRUNCATE ${schema}.version`);

    await inbox.accept(delivery(eventsOf('ada', 1)));
    await inbox.idle();

    expect(runs).toHaveLength(1);
  });

  it('has its tables in a schema whose name is a reserved word', async () => {
    const { query } = ownSchema();
    onTestFinished(
      async () => void (await query('DROP SCHEMA "user" CASCADE')),
    );
    const { inbox, runs, start } = await open({ schema: 'user' });
    await start(async () => FAILED);

    await inbox.accept(delivery(eventsOf('ada', 1)));
    await inbox.idle();

    expect(runs).toHaveLength(1);
    expect(await inbox.deadLetters.list()).toHaveLength(1);
  });

  it('handles events of all conversations with a shared pool of serializable transactions, and warns of it', async () => {
    const { schema } = ownSchema();
    const pool = new Pool({
      connectionString: inject('postgresUrl'),
      options: '-c default_transaction_isolation=serializable',
    });
    onTestFinished(() => pool.end());
    const inboxes = [
      await open({ schema, connection: pool }),
      await open({ schema, connection: pool }),
    ];
    for (const { start } of inboxes) await start(async () => []);

    const events = Array.from({ length: 40 }, (_, n) => eventsOf(`c${n}`, 2));
    await Promise.all(
      events.map((each, n) => inboxes[n % 2]!.inbox.accept(delivery(each))),
    );
    await inboxes[0]!.inbox.idle();

    expect(inboxes.flatMap(({ runs }) => runs)).toHaveLength(80);
    expect(logs.ofXenioo('warn').join('\n')).toContain(
      'runs statements as serializable by default',
    );
  });

  it.each(['lane', 'event'])(
    'handles new events after the table %s was emptied while events were pending',
    async table => {
      const { schema, query } = ownSchema();
      const { inbox, runs, start } = await open({ schema });
      await inbox.accept(delivery(eventsOf('ada', 2)));
      await query(statementsFor(schema).distribute, [0]);
      await query(`TRUNCATE ${schema}.${table}`);
      await start(async () => []);

      const [event] = eventsOf('ada', 1);
      await inbox.accept(delivery([event!]));
      await inbox.idle();

      expect(runs.map(({ entry }) => entry.id)).toContain(event!.id);
    },
  );

  it.each([
    ['event', 'id int'],
    ['lane', 'id int'],
    ['worker', 'id bigint PRIMARY KEY, name text'],
    ['version', 'number int'],
    ['version', 'version jsonb'],
    ['version', 'version text'],
  ])(
    'does not boot in a schema with a table %s (%s) of another application',
    async (table, columns) => {
      const { schema, query } = ownSchema();
      await query(`CREATE SCHEMA ${schema}`);
      await query(`CREATE TABLE ${schema}.${table} (${columns})`);

      await expect(open({ schema })).rejects.toThrow(
        'has a table of another application',
      );
    },
  );

  it('requires existing tables with `migrate: false`, and accepts tables created by the printed SQL', async () => {
    const { schema, query } = ownSchema();
    await expect(open({ schema, migrate: false })).rejects.toThrow(
      'npx nestjs-xenioo migrate --print',
    );

    await query(schemaSql(schema));
    await query(schemaSql(schema));
    const { inbox } = await open({ schema, migrate: false });
    await inbox.accept(delivery(eventsOf('ada', 1)));

    expect((await inbox.stats()).pending).toBe(1);
  });

  it('rejects tables of a newer version', async () => {
    const { schema, query } = ownSchema();
    await query(schemaSql(schema));
    await query(`INSERT INTO ${schema}.version VALUES (99)`);

    await expect(open({ schema })).rejects.toThrow('have version 99');
  });

  it('creates its tables once when several processes boot at the same time', async () => {
    const { schema } = ownSchema();
    const opened = await Promise.all([1, 2, 3, 4].map(() => open({ schema })));

    expect(opened).toHaveLength(4);
  });

  it('rejects a database that does not exist', async () => {
    const connection = inject('postgresUrl').replace(/postgres$/, 'nowhere');
    await expect(open({ connection })).rejects.toThrow(
      'database "nowhere" does not exist',
    );
  });

  it('warns once that the server refuses the connection for notifications, and handles events', async () => {
    const { schema, query } = ownSchema();
    const role = `${schema}_role`;
    await query(`CREATE ROLE ${role} LOGIN CONNECTION LIMIT 4`);
    await query(`GRANT CREATE ON DATABASE postgres TO ${role}`);
    onTestFinished(async () => {
      await query(`DROP OWNED BY ${role}`);
      await query(`DROP ROLE ${role}`);
    });
    const url = new URL(inject('postgresUrl'));
    url.username = role;
    const pool = new Pool({
      connectionString: url.href,
      max: 4,
      idleTimeoutMillis: 0,
    });
    onTestFinished(() => pool.end());
    const { inbox, runs, start } = await open({ schema, connection: pool });
    // The pool has all connections that the role may have.
    const clients = await Promise.all([1, 2, 3, 4].map(() => pool.connect()));
    for (const client of clients) client.release();
    await start(async () => []);
    await inbox.accept(delivery(eventsOf('ada', 1)));

    const warnings = () =>
      logs
        .ofXenioo('warn')
        .filter(text => text.includes('connection for notifications'));
    await expect.poll(warnings).toHaveLength(1);
    await inbox.idle();
    expect(runs).toHaveLength(1);
  });

  it('is not accepting while transactions are read-only', async () => {
    const { schema } = ownSchema();
    await (await open({ schema })).inbox.assertAccepting();

    const { inbox } = await open({
      schema,
      connection: {
        connectionString: inject('postgresUrl'),
        options: '-c default_transaction_read_only=on',
      },
    });

    await expect(inbox.assertAccepting()).rejects.toThrow(
      'read-only transaction',
    );
  });

  it('handles events with `transactionPooling`', async () => {
    const { schema } = ownSchema();
    const inboxes = [
      await open({ schema, transactionPooling: true }),
      await open({ schema, transactionPooling: true, worker: false }),
    ] as const;
    await inboxes[0].start(async () => []);
    await inboxes[1].start(async () => []);

    await inboxes[1].inbox.accept(delivery(eventsOf('ada', 3)));
    await inboxes[1].inbox.idle();

    expect(inboxes[0].runs).toHaveLength(3);
    expect(inboxes[1].runs).toEqual([]);
  });

  it('presents dead letters in the view `dead_letters`', async () => {
    const { schema, query } = ownSchema();
    const { inbox, start } = await open({ schema });
    await start(async () => [
      {
        handler: 'Crm.save',
        status: 'failed',
        attempts: 3,
        error: new Error('CRM\0 is \ud800 down'),
      },
    ]);
    const [event] = eventsOf('ada', 1);
    await inbox.accept(delivery([event!]));
    await inbox.idle();

    expect(await query(`SELECT * FROM ${schema}.dead_letters`)).toMatchObject([
      {
        id: `${event!.id}.Crm.save`,
        kind: 'event',
        handler: 'Crm.save',
        bot: 'default',
        conversation_id: 'ada',
        attempts: 3,
        error: 'CRM\ufffd is \ufffd down',
      },
    ]);
    const [letter] = await inbox.deadLetters.list();
    expect(letter!.error!.message).toBe('CRM\0 is \ud800 down');
  });

  it('presents the reason of an invalid entry in the view `dead_letters`, and retries in `waiting_retries`', async () => {
    const { schema, query } = ownSchema();
    const { inbox, start } = await open({ schema });
    const retryAt = Date.now() + 3_600_000;
    const error = new Error('down');
    await start(async ({ entry }) =>
      isInvalidEntry(entry)
        ? [{ handler: '', status: 'failed', attempts: 0, error }]
        : [
            {
              handler: 'Crm.save',
              status: 'retry',
              attempts: 3,
              retryAt,
              error,
            },
          ],
    );
    const bot = { name: 'default', secrets: ['secret'] };
    const [invalid, event] = parseBody(
      '[{"Type":"one"},{"Type":1,"Data":"\\u0000","Date":"2024-05-01T12:00:00Z"}]',
      { bot, receivedAt: new Date() },
    );
    await inbox.accept(delivery([invalid!, event!]));

    await expect
      .poll(() => query(`SELECT * FROM ${schema}.waiting_retries`))
      .toMatchObject([
        {
          handler: 'Crm.save',
          is_running: false,
          attempts: 3,
          event_id: event!.id,
        },
      ]);
    expect(
      await query(`SELECT kind, error FROM ${schema}.dead_letters`),
    ).toEqual([
      {
        kind: 'invalid',
        error:
          'invalid-fields: entry 0: Type must be a non-negative safe integer, got a string',
      },
    ]);
  });

  it('presents no attempts in `waiting_retries` of an event that was replayed, whatever its variables are', async () => {
    const { schema, query } = ownSchema();
    const { inbox, start } = await open({ schema });
    const error = new Error('down');
    await start(async () => [
      { handler: 'Crm.save', status: 'failed', attempts: 1, error },
    ]);
    const bot = { name: 'default', secrets: ['secret'] };
    const entries = parseBody(
      '[{"Type":1,"Data":"a","Variables":{"attempts":12345678901},"attempts":12345678901}]',
      { bot, receivedAt: new Date() },
    );
    await inbox.accept(delivery(entries));
    await expect.poll(() => inbox.deadLetters.list()).toHaveLength(1);
    await inbox.pause();
    const [{ id, entry }] = (await inbox.deadLetters.list()) as [
      XeniooDeadLetter,
    ];

    await inbox.deadLetters.replay(id, [
      { entry, handler: 'Crm.save', attempts: 0 },
    ]);

    expect(
      await query(`SELECT attempts, event_id FROM ${schema}.waiting_retries`),
    ).toEqual([{ attempts: 0, event_id: entries[0]!.id }]);
  });

  it('warns at boot of server settings that lose accepted events', async () => {
    const settings = { fsync: 'off', synchronous_commit: 'off' };
    const server = await startPostgres({ settings });
    onTestFinished(() => server.stop());
    const { start } = await open({ connection: server.url });
    await start(async () => []);

    await expect
      .poll(() => logs.ofXenioo('warn').join('\n'))
      .toMatch(/Set `fsync = on`[^]*Set `synchronous_commit = on`/);
  });

  it('logs no warning when the server settings keep accepted events', async () => {
    const { schema } = ownSchema();
    const { inbox, start } = await open({ schema });
    await start(async () => []);
    await inbox.accept(delivery(eventsOf('ada', 1)));
    await inbox.idle();

    expect(logs.ofXenioo('warn')).toEqual([]);
  });

  it('removes dead letters older than `deadLetterRetentionDays`, with a warning, and remembered ids older than `dedupe.ttlSeconds`', async () => {
    const { schema, query } = ownSchema();
    const failing = await open({ schema });
    await failing.start(async () => [
      {
        handler: 'Crm.save',
        status: 'failed',
        attempts: 1,
        error: new Error('down'),
      },
    ]);
    const [old, young] = eventsOf('ada', 2);
    await failing.inbox.accept(delivery([old!]));
    await failing.inbox.accept(delivery([young!]));
    await failing.inbox.idle();
    await query(
      `UPDATE ${schema}.dead_letter SET dead_lettered_at = now() - interval '31 days' WHERE event_id = $1`,
      [old!.id],
    );
    await query(
      `UPDATE ${schema}.accepted SET at = now() - interval '2 hours' WHERE id IN (SELECT id FROM ${schema}.accepted ORDER BY at LIMIT 1)`,
    );

    const other = await open({ schema, deadLetterRetentionDays: 30 });
    await other.start(async () => []);
    await expect
      .poll(() => query(`SELECT id FROM ${schema}.accepted`))
      .toHaveLength(1);

    const letters = await other.inbox.deadLetters.list();
    expect(letters.map(({ entry }) => entry.id)).toEqual([young!.id]);
    expect(logs.ofXenioo('warn').join('\n')).toContain(
      'Removed 1 dead letter older than 30 days',
    );
  });

  it.runIf(hasSmallDisks)(
    `rejects calls while the disk is full, and handles all events when it has space again${NO_SMALL_DISKS}`,
    async () => {
      const disk = makeSmallDisk();
      const user = await ordinaryUser();
      if (user) await chown(disk.path, user.uid, user.gid);
      const server = await startPostgres();
      onTestFinished(() => server.stop());
      const { query } = postgresSchema(server.url);
      await query(`CREATE TABLESPACE small LOCATION '${disk.path}'`);
      const { inbox, runs, start } = await open({
        connection: `${server.url}?options=${encodeURIComponent('-c default_tablespace=small')}`,
      });
      await start(async () => []);

      disk.fill();
      const events = eventsOf('ada', 1_000);
      await expect(inbox.accept(delivery(events))).rejects.toThrow(
        'No space left on device',
      );
      disk.free();
      await vi.waitFor(() => inbox.accept(delivery(events)), 20_000);
      await inbox.idle();

      expect(runs.map(({ entry }) => entry.id)).toEqual(
        events.map(({ id }) => id),
      );
    },
  );

  it('works with the rights that docs/inboxes/postgres.md grants', async () => {
    const { schema, query } = ownSchema();
    await query(schemaSql(schema));
    const page = await readFile(
      new URL('../../../docs/inboxes/postgres.md', import.meta.url),
      'utf8',
    );
    const [, grants] = /```sql\n(CREATE ROLE[^]*?)```/.exec(page)!;
    const role = `role_${randomBytes(6).toString('hex')}`;
    await query(
      grants!
        .replaceAll(/\bxenioo_(app|support)\b/g, `${role}_$1`)
        .replaceAll(/\bxenioo\b/g, schema),
    );
    onTestFinished(async () => {
      await query(`DROP OWNED BY ${role}_app, ${role}_support`);
      await query(`DROP ROLE ${role}_app, ${role}_support`);
    });
    const urlOf = (name: string) =>
      inject('postgresUrl').replace('postgres@', `${role}_${name}@`);
    const { inbox, start } = await open({
      connection: urlOf('app'),
      schema,
      migrate: false,
    });
    await start(async () => [
      {
        handler: 'Crm.save',
        status: 'failed',
        attempts: 1,
        error: new Error('down'),
      },
    ]);
    await inbox.accept(delivery(eventsOf('ada', 2)));
    await inbox.assertAccepting();
    await inbox.idle();

    const [letter] = await inbox.deadLetters.list();
    await inbox.deadLetters.remove(letter!.id);
    await expect(
      open({ connection: urlOf('support'), schema, migrate: false }),
    ).rejects.toThrow('permission denied');
    const { query: queryAsSupport } = postgresSchema(urlOf('support'));
    expect(
      await queryAsSupport(`SELECT handler FROM ${schema}.dead_letters`),
    ).toEqual([{ handler: 'Crm.save' }]);
    expect(logs.ofXenioo('error')).toEqual([]);
    expect(logs.ofXenioo('warn')).toEqual([]);
  });

  it('does not print the password of its connection', async () => {
    const { schema } = ownSchema();
    const connection = inject('postgresUrl').replace(
      'postgres@',
      'postgres:SeCrEt@',
    );
    const { inbox } = await open({ connection, schema });
    const { inspect } = await import('node:util');

    expect(inspect(inbox, { depth: 9 })).not.toContain('SeCrEt');
    expect(inbox.storageLocation).not.toContain('SeCrEt');
  });
});
