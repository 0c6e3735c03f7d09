import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  OnXenioo,
  UserMessageEvent,
  XeniooEventType,
  XeniooModule,
  XeniooProcessing,
  type XeniooTransaction,
} from 'nestjs-xenioo';
import { postgresInbox } from 'nestjs-xenioo/postgres';
import { setTimeout as sleep } from 'node:timers/promises';
import * as pg from 'pg';
import { figure, median } from '../report.js';
import { acceptMessages, openReceiver } from './receiver.js';

const SCHEMA = 'transactional';

/** Transactions at once: what the inbox allows with the default pool of 10 connections. */
const AT_ONCE = 7;

@Injectable()
class Transcript {
  @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
  async save(event: UserMessageEvent, tx: XeniooTransaction): Promise<void> {
    await tx.query('INSERT INTO written (body) VALUES ($1)', [event.text]);
  }
}

/** Measures a transactional handler, and a hand-written worker that does the same. Returns rows of a table. */
export async function measureTransactions(
  url: string,
  events: number,
  rounds: number,
): Promise<string[][]> {
  const pool = new pg.Pool({ connectionString: url });
  await pool.query(
    'CREATE TABLE written (id bigint GENERATED ALWAYS AS IDENTITY, body text NOT NULL)',
  );
  await pool.query(
    'CREATE TABLE job (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL)',
  );
  const ours: number[] = [];
  const handWritten: number[] = [];
  try {
    for (let round = 0; round <= rounds; round++) {
      const rates = [
        await rateOfHandlers(url, events),
        await rateOfWorker(pool, events),
      ];
      // The first one warms up.
      if (round === 0) continue;
      ours.push(rates[0]!);
      handWritten.push(rates[1]!);
    }
  } finally {
    await pool.end();
  }
  return [
    [
      'one event a transaction',
      figure(Math.round(median(ours))),
      figure(Math.round(median(handWritten))),
      figure(median(ours.map((rate, round) => rate / handWritten[round]!))),
    ],
  ];
}

async function rateOfHandlers(url: string, events: number): Promise<number> {
  @Module({
    imports: [
      XeniooModule.forRoot({
        secret: 'secret',
        inbox: postgresInbox({ connection: url, schema: SCHEMA }),
      }),
    ],
    providers: [Transcript],
  })
  class AppModule {}
  const app = await NestFactory.createApplicationContext(AppModule, {
    logger: ['error'],
  });
  const processing = app.get(XeniooProcessing);
  await processing.pause();
  const receiver = await openReceiver(url, SCHEMA);
  await acceptMessages(receiver, events);
  await receiver.stop(0);
  // Until the events are in their conversations.
  await sleep(1_000);
  const begunAt = performance.now();
  await processing.resume();
  for (;;) {
    const { pending, running } = await processing.stats();
    if (pending + running === 0) break;
    await sleep(100);
  }
  const seconds = (performance.now() - begunAt) / 1_000;
  await app.close();
  return events / seconds;
}

async function rateOfWorker(pool: pg.Pool, events: number): Promise<number> {
  await pool.query(
    `INSERT INTO job (body) SELECT 'Good morning, I would like to know where my order is.' FROM generate_series(1, $1)`,
    [events],
  );
  const begunAt = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, () => work(pool)));
  return events / ((performance.now() - begunAt) / 1_000);
}

/** Handles jobs in the way of tutorials, until none is left. */
async function work(pool: pg.Pool): Promise<void> {
  const client = await pool.connect();
  try {
    for (;;) {
      await client.query('BEGIN');
      const { rows } = await client.query<{ body: string }>(
        'DELETE FROM job WHERE id = (SELECT id FROM job ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING body',
      );
      if (rows.length > 0) {
        await client.query('INSERT INTO written (body) VALUES ($1)', [
          rows[0]!.body,
        ]);
      }
      await client.query('COMMIT');
      if (rows.length === 0) return;
    }
  } finally {
    client.release();
  }
}
