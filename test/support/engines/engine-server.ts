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

/** How an engine is run. */
export interface EngineCommand {
  readonly program: string;
  readonly args: readonly string[];
  /** Whose process it is, when not that of the caller. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Asks it to end soon, and to leave nothing behind. */
  readonly endSignal: NodeJS.Signals;
}

const END_MS = 10_000;

/** A server of another make, in a process of its own, that tests may kill, pause and start again. */
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

  /** The process that was started last. */
  get pid(): number {
    if (this.child?.pid === undefined) throw new Error('It was never started');
    return this.child.pid;
  }

  get isRunning(): boolean {
    const { child } = this;
    if (child?.pid === undefined) return false;
    return child.exitCode === null && child.signalCode === null;
  }

  /** Whether it is this very server that answers on the port. */
  protected abstract isAnswering(): Promise<boolean>;

  /** Starts it, again on the same port and folder, and waits until it answers. */
  async start(): Promise<void> {
    if (this.hasStopped) throw new Error('It was stopped, its folder is gone');
    if (this.isRunning) throw new Error('It runs already');
    const { program, args, user } = this.command;
    const log = openSync(this.logFile, 'w');
    this.child = spawn(program, args, {
      cwd: this.folder,
      // What interrupts the tests from a terminal must not end it before them.
      detached: true,
      stdio: ['ignore', log, log],
      ...user,
    });
    closeSync(log);
    await once(this.child, 'spawn');
    this.guard.watch([this.pid]);
    // The guard ends it with this process, which must not wait for it.
    this.child.unref();
    await waitUntil(
      `${program} answered`,
      async () => !this.isRunning || (await this.isAnswering()),
    );
    if (!this.isRunning) await this.throwWhyItEnded();
  }

  /** Ends it, and all that it started, with SIGKILL, as a power cut would: all at once. */
  async kill(): Promise<void> {
    if (!this.isRunning) return;
    const family = await this.freeze();
    for (const pid of family) signal(pid, 'SIGKILL');
    await this.untilGone(family);
  }

  /** Makes it silent: its connections stay open, and nothing answers. */
  async pause(): Promise<void> {
    // The frozen don't notice that the first of them is killed.
    this.guard.watch(await this.freeze());
  }

  /** Lets it go on after {@link pause}. */
  async resume(): Promise<void> {
    for (const pid of familyOf(this.pid)) signal(pid, 'SIGCONT');
    this.guard.watch([this.pid]);
  }

  /** Ends it for good, and removes its folder. */
  async stop(): Promise<void> {
    if (this.hasStopped) return;
    this.hasStopped = true;
    if (this.isRunning) {
      await this.resume();
      const family = familyOf(this.pid);
      signal(this.pid, this.command.endSignal);
      await this.untilGone(family, END_MS).catch(() => this.kill());
    }
    await this.guard.end();
  }

  private get logFile(): string {
    return join(this.folder, 'engine.log');
  }

  /** Stops the first process before it looks for the others: it starts none any more. */
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
