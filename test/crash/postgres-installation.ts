import { Client, type QueryResultRow } from 'pg';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineServer } from '../support/engines/engine-server.js';
import { startPostgres } from '../support/engines/postgres-server.js';
import type { PostgresProcessArguments } from './postgres-process.js';
import { startServer, type Server } from './start-server.js';
import { Supervised } from './supervised.js';

/** Options of a `PostgresInstallation`. */
export interface PostgresInstallationPlan {
  /** Path of the compiled `postgres-process.ts`. */
  readonly process: string;
  /** Folder of the logs and journals of the processes. */
  readonly folder: string;
  readonly random: () => number;
}

/** Two receiving processes, two workers and a PostgreSQL server; each is restarted when it is killed. */
export class PostgresInstallation {
  /** Folder of the files in which the processes record the runs of their handlers. */
  readonly journals: string;
  readonly receivers: readonly Supervised<Server>[];
  readonly workers: readonly Supervised<Server>[];
  readonly engine: Supervised<EngineServer>;

  static async start(
    plan: PostgresInstallationPlan,
  ): Promise<PostgresInstallation> {
    const server = await startPostgres();
    const installation = new PostgresInstallation(plan, server);
    try {
      await installation.query(
        'CREATE TABLE note (number int, conversation text)',
      );
      await installation.whenUp();
      return installation;
    } catch (error) {
      await installation.stop();
      throw error;
    }
  }

  private constructor(
    private readonly plan: PostgresInstallationPlan,
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

  /** Runs a statement on a connection of its own. */
  async query<R extends QueryResultRow>(text: string): Promise<R[]> {
    const client = new Client(this.server.url);
    await client.connect();
    try {
      return (await client.query<R>(text)).rows;
    } finally {
      await client.end();
    }
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
    role: PostgresProcessArguments['role'],
  ): Supervised<Server> {
    const { folder, process, random } = this.plan;
    const processArguments: PostgresProcessArguments = {
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
