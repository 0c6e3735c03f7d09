import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { BullmqInboxOptions } from '../../lib/bullmq/index.js';

const SCRIPT = fileURLToPath(new URL('bullmq-worker.mjs', import.meta.url));

interface Message {
  readonly isUp?: true;
  readonly begun?: string;
  readonly done?: string;
}

/** Worker process on a queue, which runs the build. It is killed when the test ends. */
export class BullmqWorkerProcess {
  readonly begun: string[] = [];
  readonly done: string[] = [];

  private constructor(private readonly process: ChildProcess) {
    process.on('message', ({ begun, done }: Message) => {
      if (begun !== undefined) this.begun.push(begun);
      if (done !== undefined) this.done.push(done);
    });
  }

  /** Starts a worker; resolves when it is up. */
  static async start(
    inbox: BullmqInboxOptions,
    { isHanging = false }: { isHanging?: boolean } = {},
  ): Promise<BullmqWorkerProcess> {
    const process = fork(SCRIPT, [JSON.stringify({ inbox, isHanging })]);
    const started = new BullmqWorkerProcess(process);
    onTestFinished(() => started.kill());
    await new Promise<void>((resolve, reject) => {
      process.on('message', ({ isUp }: Message) => isUp && resolve());
      process.on('exit', (code, signal) =>
        reject(new Error(`The process ended with ${code ?? signal}`)),
      );
    });
    return started;
  }

  /** Kills the process with SIGKILL. */
  async kill(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) {
      return;
    }
    const gone = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await gone;
  }
}
