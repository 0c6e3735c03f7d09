import { ConsoleLogger, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { OnXenioo, XeniooModule, type XeniooEvent } from 'nestjs-xenioo';
import { postgresInbox } from 'nestjs-xenioo/postgres';
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Arguments of a process that handles events and records when it begins and ends each. */
export interface PostgresOrderArguments {
  readonly connection: string;
  readonly schema: string;
  /** A file that several processes append to: its order is that of the runs. */
  readonly journal: string;
}

const LEASE_MS = 2_000;
const LONGEST_RUN_MS = 20;

const { connection, schema, journal } = JSON.parse(
  process.argv[2]!,
) as PostgresOrderArguments;

const lines = openSync(journal, 'a');

function note(step: 'begin' | 'end', event: XeniooEvent): void {
  const { conversationId, variables } = event;
  writeSync(
    lines,
    `${step} ${conversationId} ${String(variables['number'])} ${process.pid}\n`,
  );
}

@Injectable()
class Book {
  @OnXenioo()
  async keep(event: XeniooEvent) {
    note('begin', event);
    await sleep(Math.random() * LONGEST_RUN_MS);
    note('end', event);
  }
}

@Module({
  imports: [
    XeniooModule.forRoot({
      secret: 'right-secret',
      inbox: postgresInbox({ connection, schema, leaseMs: LEASE_MS }),
    }),
  ],
  providers: [Book],
})
class AppModule {}

process.on('disconnect', () => process.exit());
await NestFactory.createApplicationContext(AppModule, {
  logger: new ConsoleLogger({ logLevels: ['error'] }),
});
process.send!({ url: '' });
