import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { AdapterName } from './apps/adapters.js';
import type { Served } from './apps/served.js';
import { SECRET } from './bodies.js';
import { pinnedFork } from './pinning.js';

export type ServerKind =
  'bare' | 'plain' | 'by-hand' | 'ours' | 'ours-without-dedupe';

/** Both are answered with all there is to tell; `watch` collects garbage, and begins to watch. */
export type ServerQuestion = 'state' | 'watch';

export interface ServerState {
  /** Events that its handler got; absent where there is none. */
  readonly handled?: number;
  readonly rssBytes: number;
  /** The most since `watch`. */
  readonly peakRssBytes: number;
  /** Since `watch`. */
  readonly delayP99Ms: number;
  readonly delayMaxMs: number;
}

/** A server in a process of its own. */
export class Server {
  private constructor(
    readonly urls: Served['urls'],
    private readonly child: ChildProcess,
  ) {}

  static async start(kind: ServerKind, adapter: AdapterName): Promise<Server> {
    const path = fileURLToPath(new URL('server.process.js', import.meta.url));
    const child = fork(path, [kind, adapter], {
      ...pinnedFork(['--expose-gc']),
      env: { ...process.env, NODE_ENV: 'production', XENIOO_SECRET: SECRET },
    });
    const [urls] = (await once(child, 'message')) as [Served['urls']];
    return new Server(urls, child);
  }

  /** Answers when it has nothing left to do. */
  async ask(question: ServerQuestion = 'state'): Promise<ServerState> {
    const answered = once(this.child, 'message');
    this.child.send(question);
    const [state] = (await answered) as [ServerState];
    return state;
  }

  /** Resolves when the process is gone. */
  async stop(): Promise<void> {
    const gone = once(this.child, 'exit');
    this.child.disconnect();
    await gone;
  }
}
