import { Injectable } from '@nestjs/common';
import {
  OnXenioo,
  type XeniooEvent,
  type XeniooTransaction,
} from 'nestjs-xenioo';
import { postgresInbox } from 'nestjs-xenioo/postgres';
import {
  FLAKY_RETRY,
  FlakyAttempts,
  startCrashProcess,
} from './crash-process.js';

/** Time in milliseconds after which other processes take over the events of a suspended one. */
const LEASE_MS = 2_000;

@Injectable()
class Notes {
  private readonly attempts = new FlakyAttempts();

  /** Writes a row to a table without a unique constraint, where a second commit would be visible. A flaky attempt fails after it. */
  @OnXenioo({
    name: 'write',
    transactional: true,
    retry: FLAKY_RETRY,
  })
  async write(event: XeniooEvent, tx: XeniooTransaction) {
    await tx.query('INSERT INTO note (number, conversation) VALUES ($1, $2)', [
      event.variables['number'],
      event.conversationId,
    ]);
    this.attempts.begin(event);
  }
}

await startCrashProcess(
  options => postgresInbox({ ...options, leaseMs: LEASE_MS }),
  [Notes],
);
