import { Logger } from '@nestjs/common';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, inject, it, onTestFinished } from 'vitest';
import type { PostgresOrderArguments } from '../crash/postgres-order-process.js';
import { startServer, type Server } from '../crash/start-server.js';
import { Supervised } from '../crash/supervised.js';
import { parseBody } from '../../lib/events/parse-body.js';
import type { XeniooInbox } from '../../lib/inbox/xenioo.inbox.js';
import { describeEngine } from '../support/engines/describe-engine.js';
import { LogRecorder } from '../support/log-recorder.js';
import {
  openPostgresInbox,
  postgresSchema,
} from '../support/postgres-schema.js';

const PROCESS = fileURLToPath(
  new URL('../crash/dist/crash/postgres-order-process.js', import.meta.url),
);

const CONVERSATIONS = 200;
const WORKERS = 4;
const KILLS = 5;
const KILL_WITHIN_MS = 1_500;

/** More events don't wait, so that what is pending at the end is handled soon. */
const MOST_PENDING = 1_000;
const LOOK_EVERY_MS = 50;

/** Accepts one event of each conversation. */
async function acceptRound(inbox: XeniooInbox, number: number): Promise<void> {
  const body = Array.from({ length: CONVERSATIONS }, (_, conversation) => ({
    Type: 1,
    Data: 'hello',
    ConversationId: `c${conversation}`,
    number,
  }));
  const receivedAt = new Date();
  const bot = { name: 'default', secrets: ['secret'] };
  const entries = parseBody(JSON.stringify(body), { bot, receivedAt });
  await inbox.accept({ bot: 'default', receivedAt, entries });
}

/** Returns the runs that began too early, by the journal of all processes. */
function findDisorder(lines: readonly string[], killed: ReadonlySet<number>) {
  /** Number of the last event of a conversation of which a run ended. */
  const ended = new Map<string, number>();
  /** The run of a conversation that has begun and not ended. */
  const running = new Map<string, number>();
  const disorder: string[] = [];
  for (const line of lines) {
    const [step, conversation = '', number, pid] = line.split(' ');
    const last = ended.get(conversation) ?? -1;
    if (step === 'end') {
      ended.set(conversation, Math.max(last, Number(number)));
      running.delete(conversation);
      continue;
    }
    const owner = running.get(conversation);
    const isEarly = Number(number) > last + 1;
    const isConcurrent = owner !== undefined && !killed.has(owner);
    if (isEarly || isConcurrent) disorder.push(line);
    running.set(conversation, Number(pid));
  }
  return { disorder, ended };
}

describeEngine('postgres', 'while processes that handle are killed', () => {
  it('begins no event of a conversation before the first attempt of the previous one has ended', async () => {
    Logger.overrideLogger(new LogRecorder());
    const folder = mkdtempSync(join(tmpdir(), 'nestjs-xenioo-order-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const { schema, remove } = postgresSchema();
    onTestFinished(remove);
    const inbox = await openPostgresInbox({ schema, worker: false });
    onTestFinished(() => inbox.stop(0));
    const journal = join(folder, 'journal');
    const given: PostgresOrderArguments = {
      connection: inject('postgresUrl'),
      schema,
      journal,
    };
    const workers = Array.from(
      { length: WORKERS },
      () =>
        new Supervised<Server>(() => startServer(PROCESS, given), Math.random),
    );
    onTestFinished(async () => {
      await Promise.all(workers.map(worker => worker.stop()));
    });
    await Promise.all(workers.map(worker => worker.whenUp()));

    const over = new AbortController();
    const accepting = (async () => {
      let rounds = 0;
      while (!over.signal.aborted) {
        const { pending } = await inbox.stats();
        if (pending < MOST_PENDING) await acceptRound(inbox, rounds++);
        else await sleep(LOOK_EVERY_MS);
      }
      return rounds;
    })();
    const killed = new Set<number>();
    for (let kill = 0; kill < KILLS; kill++) {
      await sleep(Math.random() * KILL_WITHIN_MS);
      const victim = workers[Math.floor(Math.random() * WORKERS)]!;
      await victim.whenUp();
      killed.add(victim.running!.process.pid!);
      await victim.kill();
    }
    over.abort();
    const rounds = await accepting;
    await inbox.idle();

    const lines = readFileSync(journal, 'utf8').trimEnd().split('\n');
    const { disorder, ended } = findDisorder(lines, killed);
    expect(disorder).toEqual([]);
    expect(rounds).toBeGreaterThan(10);
    expect([...ended.values()]).toEqual(
      Array.from({ length: CONVERSATIONS }, () => rounds - 1),
    );
  }, 300_000);
});
