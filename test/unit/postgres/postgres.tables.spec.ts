import { Logger } from '@nestjs/common';
import { expect, inject, it, onTestFinished, vi } from 'vitest';
import type { UserMessageEvent } from '../../../lib/events/xenioo.events.js';
import type { XeniooHandlerResult } from '../../../lib/handlers/xenioo-task.js';
import { createLatch } from '../../support/create-latch.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import { eventOf } from '../../support/entry-of.js';
import { LogRecorder } from '../../support/log-recorder.js';
import {
  openPostgresInbox,
  postgresSchema,
} from '../../support/postgres-schema.js';
import { WAIT_OPTIONS } from '../../support/wait-options.js';

const CONVERSATIONS = ['ada', 'bob', 'cem'];
const EVENTS = 30;
/** Number of runs that end before the table is dropped. */
const RUNS_BEFORE = 20;

/** Creates a delivery with the event of this number in each conversation. */
const deliveryOf = (n: number, conversations = CONVERSATIONS) => ({
  bot: 'default',
  receivedAt: new Date(),
  entries: conversations.map(conversation =>
    eventOf({
      Type: 1,
      Data: `${conversation} ${n}`,
      ConversationId: conversation,
      Date: `2024-05-01T12:00:${n}Z`,
    }),
  ),
});

/** One handler of each tenth event is retried, and one of each tenth fails. */
function resultsOf(n: number): XeniooHandlerResult[] {
  const more = { handler: 'Crm.save', attempts: 1, error: new Error('down') };
  if (n % 10 === 3) {
    return [{ ...more, status: 'retry', retryAt: Date.now() }];
  }
  return n % 10 === 7 ? [{ ...more, status: 'failed' }] : [];
}

/** Creates a database with an encoding, which is removed when the test ends. */
async function createDatabase(encoding: string) {
  const { schema, query } = postgresSchema();
  const name = `${schema}_database`;
  await query(
    `CREATE DATABASE ${name} ENCODING '${encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'`,
  );
  onTestFinished(async () => {
    await query(`DROP DATABASE ${name} WITH (FORCE)`);
  });
  const url = new URL(inject('postgresUrl'));
  url.pathname = name;
  return { schema, url: url.href };
}

type Query = ReturnType<typeof postgresSchema>['query'];

async function dropTable(query: Query, table: string): Promise<void> {
  // PostgreSQL chooses this statement or one of the inbox's if they wait for each other.
  const drop = () => query(`DROP TABLE ${table} CASCADE`);
  await vi.waitFor(drop, WAIT_OPTIONS);
}

/** Opens a paused inbox with an event in each conversation. */
async function openWithEvents() {
  const { schema, query, remove } = postgresSchema();
  onTestFinished(remove);
  const inbox = await openPostgresInbox({ schema });
  onTestFinished(() => inbox.stop(0));
  const runs: string[] = [];
  await inbox.pause();
  await inbox.start({
    run: async ({ entry }) => {
      runs.push((entry as UserMessageEvent).text!);
      return [];
    },
    announce: async () => {},
    reportDuplicates() {},
  });
  await inbox.accept(deliveryOf(10));
  const lanes = () => query(`SELECT FROM ${schema}.lane`);
  await expect.poll(lanes).toHaveLength(CONVERSATIONS.length);
  return { inbox, runs, schema, query };
}

/** Opens an inbox with events in all conversations, and drops a table while two of its handlers run. */
async function dropWhileRunning(table: string) {
  const logs = new LogRecorder();
  Logger.overrideLogger(logs);
  const { schema, query, remove } = postgresSchema();
  onTestFinished(remove);
  const inbox = await openPostgresInbox({ schema }, { concurrency: 2 });
  onTestFinished(() => inbox.stop(0));
  const running = createLatch();
  /** Texts of the events, in the order of their runs. */
  const runs: string[] = [];
  await inbox.pause();
  await inbox.start({
    run: async ({ entry, handler }) => {
      const { text } = entry as UserMessageEvent;
      if (handler !== undefined) return [];
      runs.push(text!);
      if (runs.length > RUNS_BEFORE) await running.opened;
      return resultsOf(Number(text!.split(' ')[1]));
    },
    announce: async () => {},
    reportDuplicates() {},
  });
  for (let n = 10; n < 10 + EVENTS; n++) await inbox.accept(deliveryOf(n));
  await expect
    .poll(() => query(`SELECT FROM ${schema}.arrival`))
    .toHaveLength(0);
  await inbox.resume();
  await expect.poll(() => runs.length).toBe(RUNS_BEFORE + 2);

  await dropTable(query, `${schema}.${table}`);
  return { inbox, running, runs, logs };
}

/** Returns the numbers of the events of a conversation, in the order of their first runs. */
function firstRunsOf(conversation: string, runs: readonly string[]): number[] {
  return [...new Set(runs)]
    .map(text => text.split(' '))
    .filter(([of]) => of === conversation)
    .map(([, n]) => Number(n));
}

describeEngine('postgres', 'the PostgreSQL inbox', () => {
  it.each([
    'arrival',
    'accepted',
    'lane',
    'event',
    'retry',
    'dead_letter',
    'worker',
  ])(
    'handles the events of the other tables, and new ones, in order after the table %s was dropped',
    async table => {
      const { inbox, running, runs, logs } = await dropWhileRunning(table);
      const last = 10 + EVENTS;
      const lastCall = deliveryOf(last, ['ada']);
      await vi.waitFor(() => inbox.accept(lastCall), WAIT_OPTIONS);
      await vi.waitFor(() => inbox.stats(), WAIT_OPTIONS);
      await expect.poll(() => logs.ofXenioo('warn')).not.toEqual([]);
      running.open();
      await expect.poll(() => runs).toContain(`ada ${last}`);
      await inbox.idle();

      for (const conversation of CONVERSATIONS) {
        const numbers = firstRunsOf(conversation, runs);
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
      }
      // Events are lost only with their table.
      const count = CONVERSATIONS.length * EVENTS + 1;
      const least = table === 'event' ? RUNS_BEFORE + 1 : count;
      expect(new Set(runs).size).toBeGreaterThanOrEqual(least);
      expect(await inbox.stats()).toMatchObject({ pending: 0, retries: 0 });
      const text = logs.ofXenioo().join('\n');
      expect(
        text.match(/were missing or emptied; they were created or repaired/g),
      ).toHaveLength(1);
      // A table that no statement misses before it is created again is no failure.
      const failures = logs.ofXenioo('error');
      expect(failures.length).toBeLessThanOrEqual(1);
      const recoveries = () =>
        logs.ofXenioo('log').filter(line => line.includes('works again'));
      await expect.poll(recoveries).toHaveLength(failures.length);
    },
  );

  it('has no pending events after the table event was dropped', async () => {
    const { inbox, schema, query } = await openWithEvents();

    await dropTable(query, `${schema}.event`);

    await expect
      .poll(() => inbox.stats().catch(() => undefined))
      .toMatchObject({ pending: 0 });
  });

  it('does not create tables again that a newer version of the package has removed', async () => {
    const { inbox, schema, query } = await openWithEvents();

    await query(`UPDATE ${schema}.version SET version = 2`);
    await dropTable(query, `${schema}.arrival`);
    for (let call = 0; call < 10; call++) {
      await expect(inbox.accept(deliveryOf(11))).rejects.toThrow('relation');
    }

    expect(await query(`SELECT to_regclass('${schema}.arrival')`)).toEqual([
      { to_regclass: null },
    ]);
  });

  it('forgets the conversations whose events were deleted, and handles new ones', async () => {
    const { inbox, runs, schema, query } = await openWithEvents();

    await query(`DELETE FROM ${schema}.event`);
    await inbox.resume();

    await expect
      .poll(() => query(`SELECT FROM ${schema}.lane`))
      .toHaveLength(0);
    await inbox.accept(deliveryOf(11));
    await inbox.idle();
    expect(runs.toSorted()).toEqual(['ada 11', 'bob 11', 'cem 11']);
  });

  it('handles the conversations and retries of processes that ended after the table worker was dropped', async () => {
    const { inbox, runs, schema, query } = await openWithEvents();
    await query(
      `INSERT INTO ${schema}.retry (due, worker, body) SELECT now(), 1, convert_to(replace(convert_from(body, 'UTF8'), 'ada 10', 'retry'), 'UTF8') FROM ${schema}.event WHERE convert_from(body, 'UTF8') LIKE '%ada 10%'`,
    );
    await query(`UPDATE ${schema}.lane SET worker = 1`);

    await dropTable(query, `${schema}.worker`);
    await inbox.resume();
    await inbox.idle();

    expect(runs.toSorted()).toEqual(['ada 10', 'bob 10', 'cem 10', 'retry']);
  });

  it.each(['UTF8', 'SQL_ASCII'])(
    'stores events, retries and dead letters of all languages in a database with the encoding %s',
    async encoding => {
      const { url, schema } = await createDatabase(encoding);
      const inbox = await openPostgresInbox({ connection: url, schema });
      onTestFinished(() => inbox.stop(0));
      const runs: string[] = [];
      const handler = 'Crm.größe';
      const error = new Error('😀 日本語');
      await inbox.start({
        run: async task => {
          runs.push((task.entry as UserMessageEvent).text!);
          return task.handler === undefined
            ? [
                {
                  handler,
                  status: 'retry',
                  attempts: 1,
                  retryAt: Date.now(),
                  error,
                },
              ]
            : [{ handler, status: 'failed', attempts: 2, error }];
        },
        announce: async () => {},
        reportDuplicates() {},
      });
      const text = '😀 größe 日本語 ﷺ';

      await inbox.accept(deliveryOf(10, [text]));
      await inbox.idle();

      expect(runs).toEqual([`${text} 10`, `${text} 10`]);
      const letters = await inbox.deadLetters.list({ conversationId: text });
      expect(letters).toEqual([
        expect.objectContaining({
          handler,
          error: expect.objectContaining({ message: error.message }),
          entry: expect.objectContaining({ text: `${text} 10` }),
        }),
      ]);
    },
  );

  it.each(['LATIN1', 'EUC_JP'])(
    'stops the boot in a database with the encoding %s, and names the remedy',
    async encoding => {
      const { url, schema } = await createDatabase(encoding);

      await expect(
        openPostgresInbox({ connection: url, schema }),
      ).rejects.toThrow(
        `the database has the encoding ${encoding}, which lacks characters of events; use one with the encoding UTF8`,
      );
    },
  );
});
