import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineServer } from '../support/engines/engine-server.js';
import type { CrashProcessArguments } from './crash-process.js';
import { startServer, type Server } from './start-server.js';
import { Supervised } from './supervised.js';

/** Options of an `Installation`. */
export interface InstallationPlan {
  /** Path of the compiled process, which starts a `CrashProcess`. */
  readonly process: string;
  /** Folder of the logs and journals of the processes. */
  readonly folder: string;
  readonly random: () => number;
}

/** Two receiving processes, two workers and the server of their inbox; each is restarted when it is killed. */
export class Installation {
  /** Folder of the files in which the processes record the runs of their handlers. */
  readonly journals: string;
  readonly receivers: readonly Supervised<Server>[];
  readonly workers: readonly Supervised<Server>[];
  readonly engine: Supervised<EngineServer>;

  constructor(
    private readonly plan: InstallationPlan,
    private readonly server: EngineServer,
  ) {
    this.journals = join(plan.folder, 'journals');
    mkdirSync(this.journals);
    this.receivers = [
      this.supervise('express', 'express'),
      this.supervise('fastify', 'fastify'),
    ];
    this.workers = [
      this.supervise('worker-1', 'worker'),
      this.supervise('worker-2', 'worker'),
    ];
    const restart = async () => {
      if (!server.isRunning) await server.start();
      return server;
    };
    this.engine = new Supervised(restart, plan.random);
  }

  /** Returns the URL of a receiving process that runs, in rotation, or `undefined` if none runs. */
  url(turn: number): string | undefined {
    const up = this.receivers.flatMap(({ running }) => running?.url ?? []);
    return up[turn % up.length];
  }

  /** Resolves when all processes run. */
  async whenUp(): Promise<void> {
    await Promise.all(this.all.map(one => one.whenUp()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map(one => one.stop()));
    await this.server.stop();
  }

  private get all(): readonly Supervised<Server | EngineServer>[] {
    return [...this.receivers, ...this.workers, this.engine];
  }

  private supervise(
    name: string,
    role: CrashProcessArguments['role'],
  ): Supervised<Server> {
    const { folder, process, random } = this.plan;
    const processArguments: CrashProcessArguments = {
      role,
      connection: this.server.url,
      journal: join(this.journals, name),
    };
    const start = async () => {
      const log = openSync(join(folder, `${name}.log`), 'a');
      try {
        return await startServer(process, processArguments, [
          'ignore',
          log,
          log,
          'ipc',
        ]);
      } finally {
        closeSync(log);
      }
    };
    return new Supervised(start, random);
  }
}
