import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { xeniooEntry, XeniooSender } from 'nestjs-xenioo/testing';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  expect,
  it,
  vi,
} from 'vitest';
import { describeEngine } from '../../../test/support/engines/describe-engine.js';
import {
  startRedis,
  type RedisServer,
} from '../../../test/support/engines/redis-server.js';
import { runDoctor } from '../../../test/support/run-doctor.js';
import { WAIT_OPTIONS } from '../../../test/support/wait-options.js';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));

/** Process of the sample, with its output so far. */
interface Sample {
  readonly process: ChildProcess;
  text: string;
}

// Starting processes takes long on a busy machine.
vi.setConfig({ testTimeout: 180_000 });

const started: Sample[] = [];

function run(file: string, environment: Record<string, string>): Sample {
  const child = spawn(process.execPath, [`dist/${file}.js`], {
    cwd: FOLDER,
    env: { ...process.env, PORT: '0', NO_COLOR: '1', ...environment },
  });
  const sample: Sample = { process: child, text: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', text => (sample.text += text));
  }
  started.push(sample);
  return sample;
}

async function untilPrinted(sample: Sample, pattern: RegExp) {
  await expect.poll(() => sample.text).toMatch(pattern);
}

/** Returns the texts that processes have saved. */
function savedBy(...samples: Sample[]): string[] {
  return samples.flatMap(({ text }) =>
    [...text.matchAll(/saved {4}\S+: (.*)/g)].map(([, saved]) => saved!),
  );
}

const message = (Data: string) => xeniooEntry.userMessage({ Data });

const STAFF = `Basic ${btoa('board:board-secret')}`;

function askBoard(url: string, method = 'GET') {
  return fetch(url, { method, headers: { authorization: STAFF } });
}

interface Board {
  readonly queues: readonly {
    readonly name: string;
    readonly counts: { readonly failed: number };
    readonly jobs: readonly {
      readonly id: string;
      readonly name: string;
      readonly failedReason: string;
    }[];
  }[];
}

describeEngine('redis', 'sample 04-scale-out', () => {
  let redis: RedisServer;
  let webhook: string;
  let sender: XeniooSender;
  let board: string;

  const send = async (entry: object) => {
    expect(await sender.call(entry)).toMatchObject({ status: 200 });
  };

  const startWorker = async (environment: Record<string, string> = {}) => {
    const worker = run('worker', {
      REDIS_URL: redis.url,
      CRM_TAKES_MS: '10',
      ...environment,
    });
    await untilPrinted(worker, /Worker \d+ waits for events/);
    return worker;
  };

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(() => redis.stop());

  beforeEach(async () => {
    const web = run('web', { REDIS_URL: redis.url });
    await untilPrinted(web, /user board/);
    webhook = /curl -i (\S+)/.exec(web.text)![1]!;
    sender = new XeniooSender({
      url: webhook,
      secret: 'scale-out-secret',
      failures: 'ignore',
    });
    board = /(\S+) \(user board/.exec(web.text)![1]!;
  });

  afterEach(() => {
    sender.close();
    for (const sample of started.splice(0)) sample.process.kill('SIGKILL');
  });

  it('runs each event on one of the workers', async () => {
    const workers = await Promise.all([startWorker(), startWorker()]);
    const sent: string[] = [];

    await vi.waitFor(async () => {
      const text = `message ${sent.length}`;
      await send(message(text));
      sent.push(text);
      for (const worker of workers) expect(savedBy(worker)).not.toEqual([]);
    }, WAIT_OPTIONS);

    await expect
      .poll(() => savedBy(...workers).toSorted())
      .toEqual(sent.toSorted());
  });

  it('takes over the events of a killed worker', async () => {
    const killed = await startWorker({ CRM_TAKES_MS: '60000' });
    const texts = ['one', 'two', 'three'];
    for (const text of texts) await send(message(text));
    await untilPrinted(killed, /(saving[^]*){3}/);

    killed.process.kill('SIGKILL');
    const other = await startWorker();

    // The locks of a killed worker expire after 30 s.
    await expect
      .poll(() => savedBy(other).toSorted(), { timeout: 90_000 })
      .toEqual(texts.toSorted());
  });

  it('shows and replays dead letters on the board', async () => {
    const down = await startWorker({ CRM: 'down' });
    await send(message('Is anybody there?'));
    await untilPrinted(down, /failed {3}\S+: Crm.saveMessage after 3 attempts/);
    const [, id] = /failed {3}(\S+):/.exec(down.text)!;
    const failed = async () => {
      const url = `${board}/api/queues?activeQueue=xenioo&status=failed`;
      const { queues } = (await (await askBoard(url)).json()) as Board;
      return queues[0]!;
    };

    expect((await askBoard(board)).status).toBe(200);
    const { name, jobs } = await failed();
    expect(name).toBe('xenioo');
    expect(jobs).toEqual([
      expect.objectContaining({
        id: expect.stringMatching(`^${id}`),
        name: 'user-message',
        failedReason: 'the CRM is down',
      }),
    ]);

    down.process.kill('SIGKILL');
    const up = await startWorker();
    await askBoard(`${board}/api/queues/xenioo/${jobs[0]!.id}/retry`, 'PUT');

    await expect.poll(() => savedBy(up)).toEqual(['Is anybody there?']);
    await expect.poll(async () => (await failed()).counts.failed).toBe(0);
  });

  it('shows and replays dead letters of the workers on the inspector', async () => {
    const inspector = board.replace(/queues$/, 'xenioo/inspector');
    const read = async (path: string) => {
      const answer = await askBoard(`${inspector}/api/${path}`);
      return (await answer.json()) as {
        isShared: boolean;
        deadLetters: number;
        letters: { id: string; handler: string }[];
        events: { id: string; results: unknown[] }[];
      };
    };
    const down = await startWorker({ CRM: 'down' });
    await send(message('Is anybody there?'));
    await untilPrinted(down, /failed {3}\S+: Crm.saveMessage after 3 attempts/);
    down.process.kill('SIGKILL');

    expect(await read('state')).toMatchObject({
      isShared: true,
      deadLetters: 1,
    });
    // Handlers run in other processes.
    const { events } = await read('events');
    expect(events).toMatchObject([{ typeName: 'user-message', results: [] }]);
    const { letters } = await read('dead-letters');
    expect(letters).toMatchObject([{ handler: 'Crm.saveMessage' }]);

    const up = await startWorker();
    await fetch(`${inspector}/api/dead-letters/replay`, {
      method: 'POST',
      headers: { authorization: STAFF, 'content-type': 'application/json' },
      body: JSON.stringify({ id: letters[0]!.id }),
    });

    await expect.poll(() => savedBy(up)).toEqual(['Is anybody there?']);
  });

  it('denies access to the board and the inspector without the password', async () => {
    for (const path of ['', '/api/queues', '/../xenioo/inspector/api/state']) {
      expect((await fetch(`${board}${path}`)).status).toBe(401);
    }
  });

  it('waits for a Redis that is started after the workers', async () => {
    await redis.kill();
    const worker = await startWorker();
    await untilPrinted(worker, /failed; retrying: .*ECONNREFUSED/);

    await redis.start();
    // The date makes a repeated event a duplicate.
    const entry = message('at last');
    await vi.waitFor(() => send(entry), WAIT_OPTIONS);

    await expect.poll(() => savedBy(worker)).toEqual(['at last']);
  });

  // The last test, because its events stay in the queue.
  it('passes the checks of the doctor', async () => {
    const { stdout } = await runDoctor(webhook, {
      secret: 'scale-out-secret',
    });

    // On a busy machine 5 MB may take longer than 2 s.
    const findings = /^[✗!] (?!every answer within|\d+ finding).*$/gm;
    expect(stdout.match(findings) ?? []).toEqual([]);
    expect(stdout).toMatch(/\d+ checks/);
  });
});
