import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { XeniooDeadLetter } from '../../lib/handlers/xenioo-dead-letter.js';
import { eventOf } from './entry-of.js';

const SCRIPT = fileURLToPath(new URL('lmdb-process.mjs', import.meta.url));

interface Message {
  readonly isUp?: true;
  readonly number?: number;
  readonly result?: unknown;
  readonly error?: string;
  readonly handled?: string;
  readonly logged?: string;
}

type Command = 'accept' | 'idle' | 'letters' | 'stop';

/** Process with an LMDB inbox. It is killed when the test ends. */
export class LmdbProcess {
  /** `Data` of the events whose handling has started, in order. */
  readonly handled: string[] = [];
  /** Output that no logger wrote. */
  printed = '';
  /** Logged warnings and errors. */
  readonly logged: string[] = [];
  readonly ended: Promise<unknown>;
  private readonly waiting = new Map<number, (message: Message) => void>();
  private commands = 0;

  private constructor(private readonly process: ChildProcess) {
    this.ended = once(process, 'exit');
    process.stderr!.on('data', (text: Buffer) => (this.printed += text));
    process.on('message', (message: Message) => {
      if (message.handled !== undefined) this.handled.push(message.handled);
      if (message.logged !== undefined) this.logged.push(message.logged);
      if (message.number !== undefined)
        this.waiting.get(message.number)?.(message);
    });
    process.on('exit', (code, signal) => {
      const error = `the process ended with ${signal ?? code}`;
      for (const settle of this.waiting.values()) settle({ error });
    });
  }

  /** Starts a process; resolves when its inbox is open and started. */
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
      process.on('message', (message: Message) => message.isUp && resolve());
      process.on('exit', (code, signal) =>
        reject(new Error(`The process ended with ${code ?? signal}`)),
      );
    });
    return started;
  }

  async accept(...entries: readonly object[]): Promise<void> {
    await this.command('accept', entries.map(asPlain));
  }

  async idle(): Promise<void> {
    await this.command('idle');
  }

  /** Lists the dead letters, with the `Data` of each event as `name`. */
  async letters(): Promise<
    (Omit<XeniooDeadLetter, 'entry'> & { readonly name: string })[]
  > {
    return (await this.command('letters')) as Awaited<
      ReturnType<LmdbProcess['letters']>
    >;
  }

  /** Stops the process gracefully, as a deployment does. */
  async stop(): Promise<void> {
    await this.command('stop');
    await this.ended;
  }

  freeze(): void {
    this.process.kill('SIGSTOP');
  }

  /** Kills the process with SIGKILL. */
  async kill(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) {
      return;
    }
    this.process.kill('SIGKILL');
    await this.ended;
  }

  private command(
    command: Command,
    entries?: readonly object[],
  ): Promise<unknown> {
    const number = ++this.commands;
    return new Promise((resolve, reject) => {
      this.waiting.set(number, ({ result, error }) => {
        this.waiting.delete(number);
        if (error === undefined) resolve(result);
        else reject(new Error(error));
      });
      this.process.send({ number, command, entries });
    });
  }
}

/** Returns the fields of an event as a plain object for another process. */
function asPlain(wire: object): object {
  const { id, bot, receivedAt, raw, date, conversationId } = eventOf(wire);
  return { id, bot, receivedAt, raw, date, conversationId };
}

let sent = 0;

/** Creates an entry with this `Data`, of one of five conversations. */
export function entryNamed(name: string): object {
  const tick = String(++sent).padStart(7, '0');
  return {
    Type: 1,
    Data: name,
    Date: `2024-05-01T12:00:00.${tick}+00:00`,
    ConversationId: `conversation ${sent % 5}`,
  };
}
