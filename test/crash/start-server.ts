import { fork, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';

/** A process of the test that is up. */
export interface Server {
  readonly process: ChildProcess;
  /** Where it is called, if it is. */
  readonly url: string;
  /** Ends it with SIGKILL. */
  kill(): Promise<void>;
}

/** Starts a compiled server, and waits until it tells where it is called. */
export async function startServer(
  path: string,
  serverArguments: object,
  stdio: StdioOptions = 'inherit',
): Promise<Server> {
  const process = fork(path, [JSON.stringify(serverArguments)], { stdio });
  const gone = once(process, 'exit');
  const url = await Promise.race([
    once(process, 'message').then(([told]: { url: string }[]) => told!.url),
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
