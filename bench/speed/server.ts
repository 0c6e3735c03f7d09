import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Served } from './apps/served.js';
import { SECRET } from '../body.js';
import type { Contestant } from './contestant.js';
import { pinnedFork } from './pinning.js';

/** Both return the state; `watch` first collects garbage and resets the peaks. */
export type ServerQuestion = 'state' | 'watch';

export interface ServerState {
  /** Events that every handler got; absent without handlers. */
  readonly handled?: number;
  /** CPU time of the process since its start. */
  readonly cpuMs: number;
  /** After a collection of garbage for `watch`. */
  readonly heapBytes: number;
  readonly rssBytes: number;
  /** Peak since `watch`. */
  readonly peakRssBytes: number;
  /** Delay of the event loop since `watch`. */
  readonly delayP99Ms: number;
  readonly delayMaxMs: number;
}

/** Server in its own process. */
export class Server {
  private constructor(
    readonly urls: Served['urls'],
    private readonly child: ChildProcess,
  ) {}

  static async start(contestant: Contestant): Promise<Server> {
    const path = fileURLToPath(new URL('server.process.js', import.meta.url));
    const child = fork(path, [JSON.stringify(contestant)], {
      ...pinnedFork(['--expose-gc']),
      env: { ...process.env, NODE_ENV: 'production', XENIOO_SECRET: SECRET },
    });
    const [urls] = (await once(child, 'message')) as [Served['urls']];
    return new Server(urls, child);
  }

  /** Resolves once no event is pending. */
  async ask(question: ServerQuestion = 'state'): Promise<ServerState> {
    const answered = once(this.child, 'message');
    this.child.send(question);
    const [state] = (await answered) as [ServerState];
    return state;
  }

  /** Resolves when the process has exited. */
  async stop(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.disconnect();
    await exited;
  }
}
