import { Queue } from 'bullmq';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineServer } from '../support/engines/engine-server.js';
import { startRedis } from '../support/engines/redis-server.js';
import type { BullmqProcessArguments } from './bullmq-process.js';
import { startServer, type Server } from './start-server.js';
import { Supervised } from './supervised.js';

export interface BullmqInstallationPlan {
  /** Path of the compiled process. */
  readonly process: string;
  /** Folder for the logs and journals of the processes. */
  readonly folder: string;
  readonly random: () => number;
}

/** Two receivers, two workers and Redis; each is restarted when it is killed. */
export class BullmqInstallation {
  /** Folder in which the processes record their handler runs. */
  readonly journals: string;
  readonly receiving: readonly Supervised<Server>[];
  readonly handling: readonly Supervised<Server>[];
  readonly engine: Supervised<EngineServer>;

  static async start(
    plan: BullmqInstallationPlan,
  ): Promise<BullmqInstallation> {
    const server = await startRedis({ appendfsync: 'always' });
    const installation = new BullmqInstallation(plan, server);
    try {
      await installation.whenUp();
      return installation;
    } catch (error) {
      await installation.stop();
      throw error;
    }
  }

  private constructor(
    private readonly plan: BullmqInstallationPlan,
    private readonly server: EngineServer,
  ) {
    this.journals = join(plan.folder, 'journals');
    mkdirSync(this.journals);
    this.receiving = [
      this.supervise('express', 'express'),
      this.supervise('fastify', 'fastify'),
    ];
    this.handling = [
      this.supervise('worker-1', 'worker'),
      this.supervise('worker-2', 'worker'),
    ];
    const restart = async () => {
      if (!server.isRunning) await server.start();
      return server;
    };
    this.engine = new Supervised(restart, plan.random);
  }

  /** Returns the URL of a running receiver, in turn. */
  url(turn: number): string | undefined {
    const up = this.receiving.flatMap(({ running }) => running?.url ?? []);
    return up[turn % up.length];
  }

  /** Resolves when all processes run. */
  async whenUp(): Promise<void> {
    await Promise.all(this.all.map(each => each.whenUp()));
  }

  /** Counts the jobs in the queue by state. */
  async countJobs(): Promise<Record<string, number>> {
    const { url } = this.server;
    const queue = new Queue('xenioo', { connection: { url } });
    try {
      return await queue.getJobCounts();
    } finally {
      await queue.close();
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map(each => each.stop()));
    await this.server.stop();
  }

  private get all(): readonly Supervised<Server | EngineServer>[] {
    return [...this.receiving, ...this.handling, this.engine];
  }

  private supervise(
    name: string,
    role: BullmqProcessArguments['role'],
  ): Supervised<Server> {
    const { folder, process, random } = this.plan;
    const processArguments: BullmqProcessArguments = {
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
