import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { OnXenioo, XeniooModule, type XeniooEvent } from 'nestjs-xenioo';
import { postgresInbox } from 'nestjs-xenioo/postgres';
import { setTimeout as sleep } from 'node:timers/promises';
import { figure } from '../report.js';
import { acceptMessages, openReceiver } from './receiver.js';

const SCHEMA = 'latency';

/** Interval in milliseconds between two events, so that the inbox is idle. */
const EVERY_MS = 40;

@Injectable()
class Starts {
  static onStart: () => void = () => {};

  @OnXenioo()
  async handle(_event: XeniooEvent): Promise<void> {
    Starts.onStart();
  }
}

/**
 * Measures accepting a call with one event, and the time from the answer until its handler starts
 * in an application that receives nothing itself. Returns rows of a table.
 */
export async function measureLatency(
  url: string,
  events: number,
): Promise<string[][]> {
  @Module({
    imports: [
      XeniooModule.forRoot({
        secret: 'secret',
        inbox: postgresInbox({ connection: url, schema: SCHEMA }),
      }),
    ],
    providers: [Starts],
  })
  class AppModule {}
  const app = await NestFactory.createApplicationContext(AppModule, {
    logger: ['error'],
  });
  const receiver = await openReceiver(url, SCHEMA);
  await receiver.start({
    run: async () => [],
    announce: async () => {},
    reportDuplicates: () => {},
  });
  const times: number[] = [];
  const acceptTimes: number[] = [];
  const sums: number[] = [];
  try {
    for (let count = 0; count < events; count++) {
      const started = new Promise<number>(resolve => {
        Starts.onStart = () => resolve(performance.now());
      });
      const acceptMs = await acceptMessages(receiver, 1);
      const answeredAt = performance.now();
      const waitMs = (await started) - answeredAt;
      acceptTimes.push(acceptMs);
      times.push(waitMs);
      sums.push(acceptMs + waitMs);
      await sleep(EVERY_MS);
    }
  } finally {
    await receiver.stop(0);
    await app.close();
  }
  return [
    row('accepting an event', acceptTimes),
    row('from the answer to the start of the handler', times),
    row('both', sums),
  ];
}

function row(name: string, times: readonly number[]): string[] {
  const sorted = times.toSorted((one, other) => one - other);
  const at = (share: number) =>
    figure(sorted[Math.ceil(sorted.length * share) - 1]!);
  return [name, at(0.5), at(0.99), at(1)];
}
