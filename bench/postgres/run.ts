import { Logger } from '@nestjs/common';
import * as pg from 'pg';
import { parseArgs } from 'node:util';
import { parseBody } from '../../lib/events/parse-body.js';
import type { XeniooDelivery } from '../../lib/events/xenioo-delivery.js';
import { resolvePostgresInboxOptions } from '../../lib/postgres/postgres.inbox-options.js';
import { PostgresInbox } from '../../lib/postgres/postgres.inbox.js';
import { startPostgres } from '../../test/support/engines/postgres-server.js';
import { Body } from '../body.js';
import { figure, median, say, sayTable } from '../report.js';
import { measureBacklog } from './backlog.js';
import { measureLatency } from './latency.js';
import { measureTransactions } from './transactions.js';

const SCHEMA = 'xenioo';
const CALLERS = 64;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    events: { type: 'string', default: '20000' },
    pending: { type: 'string', default: '500000' },
    only: {
      type: 'string',
      multiple: true,
      default: ['accept', 'latency', 'transactions', 'backlog'],
    },
  },
});
const rounds = Number(values.rounds);
const events = Number(values.events);

/** Stores calls; resolves when one is committed. */
type Accept = (call: Call) => Promise<void>;

/** A call as the inbox gets it, and as bytes of its entries. */
interface Call {
  readonly delivery: XeniooDelivery;
  readonly bodies: readonly Buffer[];
}

Logger.overrideLogger(['error']);
const server = await startPostgres();
const pool = new pg.Pool({ connectionString: server.url });
// The server may stop before a connection has closed.
pool.on('error', () => {});
try {
  if (values.only.includes('accept')) await sayAccepted();
  if (values.only.includes('latency')) await sayLatency();
  if (values.only.includes('transactions')) await sayTransactions();
  if (values.only.includes('backlog')) await sayBacklog();
} finally {
  await pool.end();
  await server.stop();
}

async function sayAccepted(): Promise<void> {
  await pool.query(
    'CREATE TABLE bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body bytea NOT NULL)',
  );
  const rows: string[][] = [];
  for (const dedupe of [{ ttlSeconds: 3_600, maxIds: 1e6 }, false] as const) {
    const inbox = await PostgresInbox.open(
      pg,
      resolvePostgresInboxOptions({ connection: server.url, schema: SCHEMA }),
      { concurrency: 32, dedupe, acceptTimeoutMs: 60_000 },
    );
    const name = dedupe ? '' : ', `dedupe: false`';
    const ours: Accept = ({ delivery }) => inbox.accept(delivery);
    rows.push(
      await compare(`arrays of 1,000${name}`, 1_000, 1, ours, insert),
      await compare(`single events${name}`, 1, CALLERS, ours, inGroups(insert)),
    );
    await inbox.stop(0);
  }
  say('### Accepted, events per second\n');
  sayTable(['', 'nestjs-xenioo', 'bare `INSERT`', 'ratio'], rows);
}

async function sayLatency(): Promise<void> {
  say('### Idle, one event at a time\n');
  sayTable(
    ['', 'p50, ms', 'p99, ms', 'slowest, ms'],
    await measureLatency(server.url, 500),
  );
}

async function sayTransactions(): Promise<void> {
  say('### Transactional handlers, events per second\n');
  sayTable(
    ['', 'nestjs-xenioo', 'hand-written worker', 'ratio'],
    await measureTransactions(server.url, 5_000, rounds),
  );
}

async function sayBacklog(): Promise<void> {
  say('### Claims with a backlog\n');
  sayTable(
    [
      '',
      'accepted/s',
      'moved to conversations/s',
      'claim p50, ms',
      'p99, ms',
      'slowest, ms',
      'left',
    ],
    await measureBacklog(server.url, Number(values.pending)),
  );
}

/** Measures both in turns. */
async function compare(
  name: string,
  perCall: number,
  callers: number,
  ours: Accept,
  bare: Accept,
): Promise<string[]> {
  const measured: { ours: number; bare: number }[] = [];
  for (let round = 0; round <= rounds; round++) {
    const rates = {
      ours: await measure(perCall, callers, ours),
      bare: await measure(perCall, callers, bare),
    };
    // The first one warms up.
    if (round > 0) measured.push(rates);
  }
  return [
    name,
    figure(Math.round(median(measured.map(each => each.ours)))),
    figure(Math.round(median(measured.map(each => each.bare)))),
    figure(median(measured.map(each => each.ours / each.bare))),
  ];
}

async function measure(
  perCall: number,
  callers: number,
  accept: Accept,
): Promise<number> {
  const calls = callsOf(perCall);
  const begunAt = performance.now();
  await Promise.all(
    Array.from({ length: callers }, async () => {
      for (let call = calls.pop(); call; call = calls.pop()) await accept(call);
    }),
  );
  const seconds = (performance.now() - begunAt) / 1_000;
  await pool.query(
    `TRUNCATE bare, ${SCHEMA}.arrival, ${SCHEMA}.event, ${SCHEMA}.lane, ${SCHEMA}.accepted`,
  );
  return events / seconds;
}

function callsOf(perCall: number): Call[] {
  const body = new Body(perCall);
  const bot = { name: 'default', secrets: ['secret'] };
  return Array.from({ length: events / perCall }, () => {
    const receivedAt = new Date();
    const text = body.renew().toString();
    const entries = parseBody(text, { bot, receivedAt });
    const values = [JSON.parse(text) as unknown].flat();
    return {
      delivery: { bot: bot.name, receivedAt, entries },
      bodies: values.map(value => Buffer.from(JSON.stringify(value))),
    };
  });
}

async function insert({ bodies }: Pick<Call, 'bodies'>): Promise<void> {
  const places = bodies.map((_, index) => `($${index + 1})`);
  await pool.query(`INSERT INTO bare (body) VALUES ${places.join()}`, [
    ...bodies,
  ]);
}

/** Has one statement at a time, with all calls that came meanwhile. */
function inGroups(store: typeof insert): Accept {
  let waiting: Buffer[] = [];
  let current = Promise.resolve();
  let next: Promise<void> | undefined;
  return ({ bodies }) => {
    waiting.push(...bodies);
    next ??= current = current.then(() => {
      const group = waiting;
      waiting = [];
      next = undefined;
      return store({ bodies: group });
    });
    return next;
  };
}
