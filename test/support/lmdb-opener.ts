import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('lmdb-opener.mjs', import.meta.url));

/** Process that opens LMDB inboxes, one after another. */
export class LmdbOpener {
  private readonly process: ChildProcess = fork(SCRIPT);
  private readonly ended = new Promise<string>(resolve =>
    this.process.on('exit', (code, signal) =>
      resolve(`the process ended with ${signal ?? code}`),
    ),
  );

  /** Opens an inbox; resolves with `'opened'`, the error, or the exit of the process. */
  open(path: string, uid?: number): Promise<string> {
    const opened = new Promise<string>(resolve =>
      this.process.once('message', ({ outcome }: { outcome: string }) =>
        resolve(outcome),
      ),
    );
    this.process.send({ path, uid });
    return Promise.race([opened, this.ended]);
  }

  async close(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.ended;
  }
}
