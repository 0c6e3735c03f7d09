import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';

/** Reads lines with the ids of the running processes, and kills those of the last line when the input ends. */
const SCRIPT = `
while read -r line; do running=$line; done
for pid in $running; do kill -s KILL "$pid" 2> /dev/null; done
[ -n "$1" ] || exit 0
rm -rf -- "$1"
`;

/**
 * Ends an engine and removes its folder when the process that started it is gone. No handler of signals can do that:
 * test runners kill their workers, and a developer may kill the runner.
 */
export class EngineGuard {
  private readonly shell: ChildProcess;

  /** @param folder removed at the end, unless it is empty */
  constructor(folder: string) {
    this.shell = spawn('sh', ['-c', SCRIPT, 'engine-guard', folder], {
      cwd: '/',
      // A signal from the terminal of the tests must not reach it.
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.shell.unref();
    (this.shell.stdin as Socket).unref();
  }

  /** Sets the processes to kill. */
  watch(pids: readonly number[]): void {
    this.shell.stdin!.write(`${pids.join(' ')}\n`);
  }

  /** Kills the watched processes and removes the folder. */
  async stop(): Promise<void> {
    this.shell.ref();
    const gone = once(this.shell, 'exit');
    this.shell.stdin!.end();
    await gone;
  }
}
