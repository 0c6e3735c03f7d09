import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { XeniooDeadLetter } from '../../lib/handlers/xenioo-dead-letter.js';
import { eventOf } from './entry-of.js';

const SCRIPT = fileURLToPath(new URL('lmdb-process.mjs', import.meta.url));

interface Told {
  readonly isUp?: true;
  readonly number?: number;
  readonly result?: unknown;
  readonly error?: string;
  readonly handled?: string;
  readonly logged?: string;
}

type Order = 'accept' | 'idle' | 'letters' | 'stop';

/** Another process with an LMDB inbox; it is killed when the test ends. */
export class LmdbProcess {
  /** The `Data` of the events that it has started to handle, in order. */
  readonly handled: string[] = [];
  /** Output that passes every logger. */
  printed = '';
  /** Its warnings and errors. */
  readonly logged: string[] = [];
  readonly ended: Promise<unknown>;
  private readonly waiting = new Map<number, (told: Told) => void>();
  private orders = 0;

  private constructor(private readonly process: ChildProcess) {
    this.ended = once(process, 'exit');
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
    {
      isHanging = false,
      acceptTimeoutMs = 30_000,
    }: { isHanging?: boolean; acceptTimeoutMs?: number } = {},
  ): Promise<LmdbProcess> {
    const options = { path, isHanging, acceptTimeoutMs };
    const process = fork(SCRIPT, [JSON.stringify(options)], {
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
    await this.order('accept', entries.map(asPlain));
  }

  async idle(): Promise<void> {
    await this.order('idle');
  }

  /** Its dead letters, with the `Data` of each event as `name`. */
  async letters(): Promise<
    (Omit<XeniooDeadLetter, 'entry'> & { readonly name: string })[]
  > {
    return (await this.order('letters')) as Awaited<
      ReturnType<LmdbProcess['letters']>
    >;
  }

  /** Ends it as a deploy does. */
  async stop(): Promise<void> {
    await this.order('stop');
    await this.ended;
  }

  freeze(): void {
    this.process.kill('SIGSTOP');
  }

  /** Ends it with SIGKILL. */
  async kill(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) {
      return;
    }
    this.process.kill('SIGKILL');
    await this.ended;
  }

  private order(order: Order, entries?: readonly object[]): Promise<unknown> {
    const number = ++this.orders;
    return new Promise((resolve, reject) => {
      this.waiting.set(number, ({ result, error }) => {
        this.waiting.delete(number);
        if (error === undefined) resolve(result);
        else reject(new Error(error));
      });
      this.process.send({ number, order, entries });
    });
  }
}

/** An event as it can be sent to another process. */
function asPlain(wire: object): object {
  const { id, bot, receivedAt, raw, date, conversationId } = eventOf(wire);
  return { id, bot, receivedAt, raw, date, conversationId };
}

let sent = 0;

/** An entry that a process can accept, known by its `Data`, of one of five conversations. */
export function entryNamed(name: string): object {
  const tick = String(++sent).padStart(7, '0');
  return {
    Type: 1,
    Data: name,
    Date: `2024-05-01T12:00:00.${tick}+00:00`,
    ConversationId: `conversation ${sent % 5}`,
  };
}
