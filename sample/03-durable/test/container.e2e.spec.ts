import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { XeniooSender } from 'nestjs-xenioo/testing';
import { describe, expect, it, onTestFinished } from 'vitest';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));
const manifest = await readFile(join(FOLDER, 'kubernetes.yaml'), 'utf8');

function numberOf(field: string): number {
  return Number(new RegExp(`${field}: (\\d+)`).exec(manifest)![1]);
}

/** Script that applies the manifest as far as Linux can do so without a container runtime. */
const CONTAINER = `
  mount --make-rprivate /
  mount --bind "$VOLUME" "$VOLUME"
  mount -o remount,bind,ro /
  exec setpriv --reuid ${numberOf('runAsUser')} --regid ${numberOf('runAsGroup')} \\
    --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \\
    node dist/main.js`;

/** Starts the sample as process 1, as another user, without capabilities, on a read-only root with one volume. */
async function start(environment: Record<string, string>) {
  return whenUp(launch(await makeVolume(), environment));
}

async function makeVolume(): Promise<string> {
  const volume = await mkdtemp(join(tmpdir(), 'volume-'));
  onTestFinished(() => rm(volume, { recursive: true }));
  await chown(volume, numberOf('runAsUser'), numberOf('runAsGroup'));
  return volume;
}

function launch(volume: string, environment: Record<string, string>) {
  const container = spawn(
    'unshare',
    ['--mount', '--pid', '--fork', '--mount-proc', 'sh', '-ec', CONTAINER],
    {
      cwd: FOLDER,
      env: {
        ...process.env,
        PORT: '0',
        NO_COLOR: '1',
        VOLUME: volume,
        XENIOO_INBOX: join(volume, 'xenioo'),
        ...environment,
      },
    },
  );
  const ended = once(container, 'close');
  onTestFinished(async () => {
    if (container.exitCode === null) await signal(container.pid!, 'SIGKILL');
    await ended;
  });
  const output = { text: '' };
  for (const stream of [container.stdout, container.stderr]) {
    stream.setEncoding('utf8').on('data', text => (output.text += text));
  }
  return { pid: container.pid!, ended, output };
}

/** Waits until the container accepts calls. */
async function whenUp(container: ReturnType<typeof launch>) {
  const { output } = container;
  await expect.poll(() => output.text).toMatch(/curl -i/);
  const [, url] = /curl -i (\S+)/.exec(output.text)!;
  const sender = new XeniooSender({ url: url!, secret: 'durable-secret' });
  onTestFinished(() => sender.close());
  return { ...container, url: url!, sender };
}

/** Sends a signal to process 1 of the container, as a container runtime does. */
async function signal(pid: number, name: NodeJS.Signals): Promise<void> {
  const children = `/proc/${pid}/task/${pid}/children`;
  process.kill(Number(await readFile(children, 'utf8')), name);
}

const canIsolate = process.platform === 'linux' && process.getuid?.() === 0;

describe.runIf(canIsolate)(
  'a container of kubernetes.yaml (needs Linux and root)',
  () => {
    it('answers probes and calls and writes only to its volume', async () => {
      const { url, sender, output } = await start({ CRM: 'up' });
      const [, path] = /httpGet: \{ path: (\S+),/.exec(manifest)!;

      const probe = await fetch(new URL(path!, url));
      const { status } = await sender.call({ Type: 1, Data: 'Hello!' });

      expect(probe.status).toBe(200);
      expect(status).toBe(200);
      await expect.poll(() => output.text).toMatch(/saved .*: Hello!/);
      expect(output.text).toContain('[Nest] 1 ');
    });

    it('starts on the volume after a previous container has ended', async () => {
      const volume = await makeVolume();
      const first = await whenUp(
        launch(volume, { CRM: 'up', CRM_TAKES_MS: '20000' }),
      );
      await first.sender.call({ Type: 1, Data: 'Hello!' });
      const second = launch(volume, { CRM: 'up' });
      await expect.poll(() => second.output.text).toMatch(/Starting Nest/);

      await signal(first.pid, 'SIGKILL');

      await whenUp(second);
      await expect.poll(() => second.output.text).toMatch(/saved .*: Hello!/);
    });

    it('exits on SIGTERM within the grace period once the running handler is done', async () => {
      const { pid, ended, output, sender } = await start({
        CRM: 'up',
        CRM_TAKES_MS: '3000',
      });
      await sender.call({ Type: 1, Data: 'Hello!' });

      const startedAt = performance.now();
      await signal(pid, 'SIGTERM');
      const [code] = await ended;

      expect(code).toBe(0);
      expect(output.text).toMatch(/saved .*: Hello!/);
      const seconds = (performance.now() - startedAt) / 1_000;
      expect(seconds).toBeLessThan(numberOf('terminationGracePeriodSeconds'));
    });
  },
);
