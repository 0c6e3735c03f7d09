import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { xeniooEntry, XeniooSender } from '../../lib/testing/index.js';

const SERVER = fileURLToPath(
  new URL('../crash/dist/crash/server.js', import.meta.url),
);
const CALLS = 20;

const hasStrace = spawnSync('strace', ['-V']).status === 0;

/** Starts a server under strace. `stop()` stops it and returns the recorded system calls. */
async function startTraced() {
  const base = await mkdtemp(join(tmpdir(), 'nestjs-xenioo-synced-'));
  onTestFinished(() => rm(base, { recursive: true }));
  const trace = join(base, 'trace');
  const server = {
    folder: join(base, 'inbox'),
    journal: join(base, 'journal'),
    adapter: 'fastify',
  };
  const traced = spawn(
    'strace',
    [
      '-f',
      '-qq',
      '-s100000',
      `-o${trace}`,
      '-etrace=fdatasync,write,writev,pwrite64,pwritev',
      process.execPath,
      SERVER,
      JSON.stringify(server),
    ],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  );
  onTestFinished(() => void traced.kill('SIGKILL'));
  const [{ url }] = (await once(traced, 'message')) as [{ url: string }];
  const stop = async () => {
    const exited = once(traced, 'exit');
    traced.disconnect();
    await exited;
    return (await readFile(trace, 'utf8')).split('\n');
  };
  return { url, stop };
}

it.skipIf(!hasStrace && !process.env['CI'])(
  'answers 200 only after the events are written and synced to disk (needs strace)',
  async () => {
    const { url, stop } = await startTraced();
    const sender = new XeniooSender({ url, secret: 'right-secret' });
    const entries = Array.from({ length: CALLS }, (_, number) =>
      xeniooEntry.userMessage({ Data: `marker-${number}-`, number }),
    );
    const { outcomes } = await sender.send(entries);
    sender.close();
    expect(outcomes).toEqual({ 200: CALLS });
    const lines = await stop();

    let from = 0;
    for (let number = 0; number < CALLS; number++) {
      const next = (what: RegExp) => {
        const place = lines.findIndex(
          (line, index) => index >= from && what.test(line),
        );
        expect(place, `${what} of call ${number}`).toBeGreaterThan(-1);
        from = place + 1;
        return place;
      };
      const answered = lines.findIndex(
        (line, index) => index >= from && line.includes('"HTTP/1.1 200'),
      );
      next(new RegExp(`write.*marker-${number}-`));
      next(/fdatasync(\(\d+\)| resumed>\)) += 0/);
      // LMDB's meta page, which completes the commit; this file is opened for synchronous writes.
      next(/(pwrite64\(.*|pwrite64 resumed>.*)\) += \d+/);
      expect(next(/"HTTP\/1.1 200/)).toBe(answered);
    }
  },
  60_000,
);
