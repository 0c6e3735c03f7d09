import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { parseBody } from '../../lib/events/parse-body.js';
import type { XeniooEntry } from '../../lib/events/parse-entry.js';
import { xeniooEntry } from '../../lib/testing/index.js';

const SCRIPT = fileURLToPath(new URL('lmdb-process.mjs', import.meta.url));

interface Told {
  readonly isUp?: true;
  readonly number?: number;
  readonly error?: string;
  readonly handled?: string;
  readonly logged?: string;
}

type Order = 'accept' | 'idle' | 'stop';

/** Another process with an LMDB inbox; it is killed when the test ends. */
export class LmdbProcess {
  /** The `Data` of what it has begun to handle, in order. */
  readonly handled: string[] = [];
  /** What comes out of it past every logger. */
  printed = '';
  /** Its warnings and errors. */
  readonly logged: string[] = [];
  private readonly waiting = new Map<number, (told: Told) => void>();
  private orders = 0;

  private constructor(private readonly process: ChildProcess) {
    process.stderr!.on('data', (text: Buffer) => (this.printed += text));
    process.on('message', (told: Told) => {
      if (told.handled !== undefined) this.handled.push(told.handled);
      if (told.logged !== undefined) this.logged.push(told.logged);
      if (told.number !== undefined) this.waiting.get(told.number)?.(told);
    });
    process.on('exit', (code, signal) => {
      const error = `the process ended with ${signal ?? code}`;
      for (const settle of this.waiting.values()) settle({ error });
    });
  }

  /** Resolves when its inbox is open and started. */
  static async start(
    path: string,
    { isHanging = false }: { isHanging?: boolean } = {},
  ): Promise<LmdbProcess> {
    const process = fork(SCRIPT, [JSON.stringify({ path, isHanging })], {
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      // As JSON, the dates of the entries would be texts.
      serialization: 'advanced',
    });
    const started = new LmdbProcess(process);
    onTestFinished(() => started.kill());
    await new Promise<void>((resolve, reject) => {
      process.on('message', (told: Told) => told.isUp && resolve());
      process.on('exit', (code, signal) =>
        reject(new Error(`The process ended with ${code ?? signal}`)),
      );
    });
    return started;
  }

  async accept(...entries: readonly object[]): Promise<void> {
    const bot = { name: 'default', secrets: ['secret'] };
    const body = JSON.stringify(entries);
    await this.order('accept', [
      ...parseBody(body, { bot, receivedAt: new Date() }),
    ]);
  }

  async idle(): Promise<void> {
    await this.order('idle');
  }

  /** Ends it as a deploy does. */
  async stop(): Promise<void> {
    const gone = once(this.process, 'exit');
    await this.order('stop');
    await gone;
  }

  /** Ends it with SIGKILL. */
  async kill(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) {
      return;
    }
    const gone = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await gone;
  }

  private order(order: Order, entries?: XeniooEntry[]): Promise<void> {
    const number = ++this.orders;
    return new Promise((resolve, reject) => {
      this.waiting.set(number, ({ error }) => {
        this.waiting.delete(number);
        if (error === undefined) resolve();
        else reject(new Error(error));
      });
      this.process.send({ number, order, entries });
    });
  }
}

let sent = 0;

/** An entry that a process can accept, known by its `Data`, of one of five conversations. */
export function entryNamed(name: string): object {
  const ConversationId = `conversation ${++sent % 5}`;
  return xeniooEntry.userMessage({ Data: name, ConversationId });
}
