import { connect } from 'node:net';
import { engineFolder, type EngineFolder } from './engine-folder.js';
import { EngineServer } from './engine-server.js';
import { findRedisServer, missingEngine } from './find-engines.js';
import { onFreePort } from './free-port.js';

export interface RedisOptions {
  /** @default true */
  readonly appendonly?: boolean;
  /** @default 'always' */
  readonly appendfsync?: 'always' | 'everysec';
  /** Size in the format of Redis, such as `'4mb'`. */
  readonly maxmemory?: string;
  readonly maxmemoryPolicy?: string;
  /** Password of clients; only letters and digits. */
  readonly password?: string;
  /** @default a free one */
  readonly port?: number;
  /** Folder that is kept when the server stops. @default a temporary one, which is removed */
  readonly folder?: string;
}

/** Time limit of one check for an answer. */
const ANSWER_MS = 1_000;

/** Starts a Redis on 127.0.0.1 that syncs every write before it answers. */
export async function startRedis(
  options: RedisOptions = {},
): Promise<RedisServer> {
  const { port } = options;
  if (port !== undefined) return RedisServer.start(options, port);
  return onFreePort(free => RedisServer.start(options, free));
}

/** Process of `redis-server` that tests may kill, pause and start again. */
export class RedisServer extends EngineServer {
  static async start(
    options: RedisOptions,
    port: number,
  ): Promise<RedisServer> {
    const program = findRedisServer();
    if (program === undefined) throw new Error(missingEngine('redis'));
    const folder = await engineFolder(options.folder);
    const server = new RedisServer(program, port, folder, options);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  private readonly password: string | undefined;

  private constructor(
    program: string,
    port: number,
    folder: EngineFolder,
    {
      appendonly = true,
      appendfsync = 'always',
      maxmemory,
      maxmemoryPolicy,
      password,
    }: RedisOptions,
  ) {
    const settings: Record<string, string | undefined> = {
      bind: '127.0.0.1',
      port: String(port),
      dir: folder.path,
      save: '',
      appendonly: appendonly ? 'yes' : 'no',
      appendfsync,
      maxmemory,
      'maxmemory-policy': maxmemoryPolicy,
      requirepass: password,
    };
    const args = Object.entries(settings).flatMap(([name, value]) =>
      value === undefined ? [] : [`--${name}`, value],
    );
    super(port, folder, { program, args, endSignal: 'SIGTERM' });
    this.password = password;
  }

  get url(): string {
    const user = this.password === undefined ? '' : `:${this.password}@`;
    return `redis://${user}127.0.0.1:${this.port}`;
  }

  /** Checks the process id and PING, which Redis rejects while it loads its file. */
  protected async isAnswering(): Promise<boolean> {
    const { password } = this;
    const login = password === undefined ? '' : `AUTH ${password}\r\n`;
    const answer = await this.ask(
      `${login}PING\r\nINFO server\r\n`,
      /process_id:\d+/,
    );
    return (
      /^(\+OK\r\n)?\+PONG/.test(answer) &&
      answer.includes(`process_id:${this.pid}\r`)
    );
  }

  private ask(question: string, end: RegExp): Promise<string> {
    return new Promise(resolve => {
      const socket = connect(this.port, '127.0.0.1');
      let answer = '';
      socket.setEncoding('utf8').setTimeout(ANSWER_MS, () => socket.destroy());
      socket.on('data', (text: string) => {
        answer += text;
        if (end.test(answer)) socket.destroy();
      });
      // Without a listener there is no answer.
      socket.on('error', () => {});
      socket.on('close', () => resolve(answer));
      socket.write(question);
    });
  }
}
