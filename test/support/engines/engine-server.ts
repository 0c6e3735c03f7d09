import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineFolder } from './engine-folder.js';
import { EngineGuard } from './engine-guard.js';
import { PortTakenError } from './free-port.js';
import { familyOf, isAlive, isStill, signal } from './process-table.js';
import { waitUntil } from './wait-until.js';

/** Command that runs an engine. */
export interface EngineCommand {
  readonly program: string;
  readonly args: readonly string[];
  /** User of the process; that of the caller by default. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Signal for a fast and clean shutdown. */
  readonly endSignal: NodeJS.Signals;
}

const END_MS = 10_000;

/** Third-party server in its own process that tests may kill, pause and start again. */
export abstract class EngineServer {
  readonly folder: string;
  private readonly guard: EngineGuard;
  private child: ChildProcess | undefined;
  private hasStopped = false;

  protected constructor(
    readonly port: number,
    folder: EngineFolder,
    private readonly command: EngineCommand,
  ) {
    this.folder = folder.path;
    this.guard = new EngineGuard(folder.isTemporary ? folder.path : '');
  }

  abstract get url(): string;

  /** Id of the latest process. */
  get pid(): number {
    if (this.child?.pid === undefined) throw new Error('It was never started');
    return this.child.pid;
  }

  get isRunning(): boolean {
    const { child } = this;
    if (child?.pid === undefined) return false;
    return child.exitCode === null && child.signalCode === null;
  }

  /** Resolves with whether this server answers on the port. */
  protected abstract isAnswering(): Promise<boolean>;

  /** Starts the server, after a kill on the same port and folder, and waits until it answers. */
  async start(): Promise<void> {
    if (this.hasStopped) throw new Error('It was stopped, its folder is gone');
    if (this.isRunning) throw new Error('It runs already');
    const { program, args, user } = this.command;
    const log = openSync(this.logFile, 'w');
    this.child = spawn(program, args, {
      cwd: this.folder,
      // A signal from the terminal of the tests must not stop it before them.
      detached: true,
      stdio: ['ignore', log, log],
      ...user,
    });
    closeSync(log);
    await once(this.child, 'spawn');
    this.guard.watch([this.pid]);
    // The guard stops it when this process exits, which must not wait for it.
    this.child.unref();
    await waitUntil(
      `${program} answered`,
      async () => !this.isRunning || (await this.isAnswering()),
    );
    if (!this.isRunning) await this.throwWhyItEnded();
  }

  /** Kills the server and its children with SIGKILL at the same time, like a power failure. */
  async kill(): Promise<void> {
    if (!this.isRunning) return;
    const family = await this.freeze();
    for (const pid of family) signal(pid, 'SIGKILL');
    await this.untilGone(family);
  }

  /** Pauses the server: connections stay open and get no answer. */
  async pause(): Promise<void> {
    // Frozen children don't notice that their parent is killed.
    this.guard.watch(await this.freeze());
  }

  /** Continues after {@link pause}. */
  async resume(): Promise<void> {
    for (const pid of familyOf(this.pid)) signal(pid, 'SIGCONT');
    this.guard.watch([this.pid]);
  }

  /** Stops the server and removes its folder. */
  async stop(): Promise<void> {
    if (this.hasStopped) return;
    this.hasStopped = true;
    if (this.isRunning) {
      await this.resume();
      const family = familyOf(this.pid);
      signal(this.pid, this.command.endSignal);
      await this.untilGone(family, END_MS).catch(() => this.kill());
    }
    await this.guard.stop();
  }

  private get logFile(): string {
    return join(this.folder, 'engine.log');
  }

  /** Freezes the first process, which then starts no more children, and after it the others. */
  private async freeze(): Promise<number[]> {
    signal(this.pid, 'SIGSTOP');
    await waitUntil('the engine stood still', () => isStill(this.pid));
    const family = familyOf(this.pid);
    for (const pid of family) signal(pid, 'SIGSTOP');
    await waitUntil('all of the engine stood still', () =>
      family.every(isStill),
    );
    return family;
  }

  private async untilGone(family: number[], deadlineMs?: number) {
    await waitUntil(
      'the engine was gone',
      () => !this.isRunning && !family.some(isAlive),
      deadlineMs,
    );
    this.guard.watch([]);
  }

  private async throwWhyItEnded(): Promise<never> {
    this.guard.watch([]);
    const log = await readFile(this.logFile, 'utf8');
    const message = `${this.command.program} ended at once:\n${log.slice(-2_000)}`;
    if (log.includes('Address already in use')) {
      throw new PortTakenError(message);
    }
    throw new Error(message);
  }
}
