import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, inject, onTestFinished } from 'vitest';
import { bullmqInbox } from '../../lib/bullmq/index.js';
import {
  memoryInbox,
  type MemoryInboxOptions,
  type XeniooInboxProvider,
} from '../../lib/index.js';
import { lmdbInbox } from '../../lib/lmdb/index.js';
import { postgresInbox } from '../../lib/postgres/index.js';
import { describeEngine } from './engines/describe-engine.js';
import type { EngineName } from './engines/find-engines.js';
import { postgresSchema } from './postgres-schema.js';

/** Creates the option `inbox` for one test; `undefined` keeps the default. */
export type CreateInbox = (
  options?: MemoryInboxOptions,
) => XeniooInboxProvider | undefined;

/** Inbox under test, and its differences from other inboxes. */
export interface TestedInbox {
  readonly create: CreateInbox;
  /** Engine that must be installed. */
  readonly engine?: EngineName;
  /**
   * True if events of a conversation are attempted one after another, in order.
   * A queue passes them to any free worker.
   */
  readonly keepsOrder: boolean;
}

/** Inboxes by name. */
const INBOXES: Record<string, TestedInbox> = {
  memory: {
    create: options => options && memoryInbox(options),
    keepsOrder: true,
  },
  lmdb: {
    create() {
      const base = mkdtempSync(join(tmpdir(), 'nestjs-xenioo-'));
      // The applications are closed before, since the last hook runs first.
      onTestFinished(() => rmSync(base, { recursive: true, force: true }));
      return lmdbInbox({ path: join(base, 'inbox') });
    },
    keepsOrder: true,
  },
  bullmq: {
    create: () =>
      bullmqInbox({ connection: inject('redisUrl'), queue: randomUUID() }),
    engine: 'redis',
    keepsOrder: false,
  },
  postgres: {
    create() {
      const { schema, remove } = postgresSchema();
      onTestFinished(remove);
      return postgresInbox({ connection: inject('postgresUrl'), schema });
    },
    engine: 'postgres',
    keepsOrder: true,
  },
};

/**
 * Runs a suite over the inboxes: in the fast tier, which starts no engines, over those that need none, and in the slow
 * tier over the others.
 */
export function describeInboxes(body: (inbox: TestedInbox) => void): void {
  const hasEngines = (inject('redisUrl') as string | undefined) !== undefined;
  describeSome(({ engine }) => hasEngines === (engine !== undefined), body);
}

/** Runs a suite over every inbox, in the slow tier. */
export function describeEveryInbox(body: (inbox: TestedInbox) => void): void {
  describeSome(() => true, body);
}

function describeSome(
  isIncluded: (inbox: TestedInbox) => boolean,
  body: (inbox: TestedInbox) => void,
): void {
  for (const [name, inbox] of Object.entries(INBOXES)) {
    if (!isIncluded(inbox)) continue;
    const suite = inbox.engine
      ? describeEngine.bind(undefined, inbox.engine)
      : describe;
    suite(`with the inbox ${name}`, () => {
      body(inbox);
    });
  }
}
