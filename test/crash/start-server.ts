import { fork, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';

/** Running process of the test. */
export interface Server {
  readonly process: ChildProcess;
  /** URL of the webhook; `''` for a worker. */
  readonly url: string;
  /** Kills the process with SIGKILL. */
  kill(): Promise<void>;
}

/** Starts a compiled server and waits until it sends its URL. */
export async function startServer(
  path: string,
  serverArguments: object,
  stdio: StdioOptions = 'inherit',
): Promise<Server> {
  const process = fork(path, [JSON.stringify(serverArguments)], { stdio });
  const gone = once(process, 'exit');
  const url = await Promise.race([
    once(process, 'message').then(
      ([message]: { url: string }[]) => message!.url,
    ),
    gone.then(([code]) => {
      throw new Error(`${path} ended at once (${code})`);
    }),
  ]);
  const kill = async () => {
    process.kill('SIGKILL');
    await gone;
  };
  return { process, url, kill };
}
