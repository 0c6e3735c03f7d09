import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, inject, onTestFinished } from 'vitest';
import { bullmqInbox } from '../../lib/bullmq/index.js';
import type { XeniooInboxProvider } from '../../lib/index.js';
import { lmdbInbox } from '../../lib/lmdb/index.js';
import { createDatabase } from './engines/create-database.js';
import { describeEngine } from './engines/describe-engine.js';
import type { EngineName } from './engines/find-engines.js';

/** Makes the option `inbox` for one test; `undefined` leaves the default in place. */
export type CreateInbox = () => XeniooInboxProvider | undefined;

/** An inbox, and where what it promises differs from what others do. */
export interface TestedInbox {
  readonly create: CreateInbox;
  /** What it needs on the machine. */
  readonly engine?: EngineName;
  /**
   * Whether events of a conversation are attempted one after another, in order.
   * A queue hands them to whoever is free.
   */
  readonly keepsOrder: boolean;
  /** Whether it tells how many events were dropped because they had come before. */
  readonly countsDropped: boolean;
}

/** The inboxes that keep the promises of delivery, by name. */
const INBOXES: Record<string, TestedInbox> = {
  memory: {
    create: () => undefined,
    keepsOrder: true,
    countsDropped: true,
  },
  lmdb: {
    create() {
      const base = mkdtempSync(join(tmpdir(), 'nestjs-xenioo-'));
      // The applications of the test are closed before, the last hook first.
      onTestFinished(() => rmSync(base, { recursive: true, force: true }));
      return lmdbInbox({ path: join(base, 'inbox') });
    },
    keepsOrder: true,
    countsDropped: true,
  },
  'bullmq on Redis': {
    create: () =>
      bullmqInbox({ connection: inject('redisUrl'), queue: randomUUID() }),
    engine: 'redis',
    keepsOrder: false,
    countsDropped: true,
  },
  'bullmq on PostgreSQL': {
    create: () =>
      bullmqInbox({
        useFactory: async () => ({
          connection: await databaseOfFile(),
          queue: randomUUID(),
        }),
      }),
    engine: 'postgres',
    keepsOrder: false,
    countsDropped: false,
  },
};

/** The same suite over every inbox; those whose engine is missing are skipped with a word. */
export function describeInboxes(body: (inbox: TestedInbox) => void): void {
  for (const [name, inbox] of Object.entries(INBOXES)) {
    const title = `with the inbox ${name}`;
    const suite = inbox.engine
      ? describeEngine.bind(undefined, inbox.engine)
      : describe;
    suite(title, () => {
      body(inbox);
    });
  }
}

let database: Promise<string> | undefined;

/** Made once for the tests of a file: each has a queue of its own in it. */
export function databaseOfFile(): Promise<string> {
  database ??= createDatabase(
    inject('postgresUrl'),
    `tests-${randomUUID().slice(0, 8)}`,
  );
  return database;
}
