import type { RequestListener } from 'node:http';
import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { xeniooEntry } from '../../../lib/simulator/xenioo-entry.js';
import { XeniooSenderStoppedError } from '../../../lib/simulator/xenioo-testing.errors.js';
import { xeniooTraffic } from '../../../lib/simulator/xenioo-traffic.js';
import type { XeniooSenderOptions } from '../../../lib/simulator/xenioo.sender-options.js';
import { XeniooSender } from '../../../lib/simulator/xenioo.sender.js';
import { serve } from '../../support/serve.js';
import { serveRaw } from '../../support/serve-raw.js';

function senderTo(
  url: string,
  options: Partial<XeniooSenderOptions> = {},
): XeniooSender {
  const sender = new XeniooSender({ url, secret: 'right-secret', ...options });
  onTestFinished(() => sender.close());
  return sender;
}

/** Starts a host that records bodies and answers the n-th call with `statusOf(n)`. */
async function startHost(statusOf: (turn: number) => number = () => 200) {
  const bodies: string[] = [];
  const listener: RequestListener = (request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (text: string) => (body += text));
    request.on('end', () => {
      response.writeHead(statusOf(bodies.push(body))).end();
    });
  };
  const { url } = await serve(listener);
  return { url, bodies, entries: () => bodies.map(body => JSON.parse(body)) };
}

/** Starts a host whose answers the test sends. */
async function startManualHost() {
  const waiting: ((status: number) => void)[] = [];
  const { url } = await serve((request, response) => {
    request.resume().on('end', () => {
      waiting.push(status => response.writeHead(status).end());
    });
  });
  return { url, waiting };
}

const numbers = (count: number) =>
  Array.from({ length: count }, (_, index) => index);

describe('XeniooSender failure limit', () => {
  it.each(['total', 'consecutive'] as const)(
    'tolerates ten failed calls and stops after the eleventh (%s)',
    async failures => {
      const { url, bodies } = await startHost(() => 500);
      const sender = senderTo(url, { failures });
      for (let call = 1; call <= 10; call++) {
        await sender.call({});
        expect(sender.failuresLeft).toBe(10 - call);
        expect(sender.stopped).toBe(undefined);
      }
      await sender.call({});

      expect(sender).toMatchObject({ failures: 11, failuresLeft: 0 });
      expect(sender.stopped).toContain('11 calls failed');
      await expect(sender.call({})).rejects.toThrow(XeniooSenderStoppedError);
      await expect(sender.call({})).rejects.toThrow(sender.stopped!);
      expect(await sender.send([{}, {}])).toMatchObject({
        calls: 0,
        stopped: sender.stopped,
      });
      expect(bodies).toHaveLength(11);
    },
  );

  it('counts all failures by default', async () => {
    const { url, bodies } = await startHost(turn =>
      turn % 3 === 0 ? 500 : 200,
    );
    const report = await senderTo(url).send(numbers(100));

    expect(report).toMatchObject({
      calls: 33,
      failed: 11,
      failuresLeft: 0,
      outcomes: { 200: 22, 500: 11 },
      stopped: expect.stringContaining('11 calls failed in total'),
    });
    expect(bodies).toHaveLength(33);
  });

  it('resets after a success with `consecutive`', async () => {
    const { url } = await startHost(turn => (turn % 11 === 0 ? 200 : 500));
    const report = await senderTo(url, { failures: 'consecutive' }).send(
      numbers(100),
    );

    expect(report).toMatchObject({ calls: 100, failed: 91 });
    expect(report).not.toHaveProperty('stopped');
  });

  it('stops after eleven failures in a row with `consecutive`', async () => {
    const { url } = await startHost(turn => (turn <= 20 ? 200 : 503));
    const report = await senderTo(url, { failures: 'consecutive' }).send(
      numbers(100),
    );

    expect(report).toMatchObject({
      calls: 31,
      stopped: expect.stringContaining('11 calls failed in a row'),
    });
  });

  it('never stops with `ignore`', async () => {
    const { url } = await startHost(() => 500);
    const report = await senderTo(url, { failures: 'ignore' }).send(
      numbers(50),
    );

    expect(report).toMatchObject({ calls: 50, failed: 50 });
    expect(report).not.toHaveProperty('stopped');
  });

  it('covers several lists and single calls', async () => {
    const { url, bodies } = await startHost(() => 500);
    const sender = senderTo(url);
    await sender.send(numbers(5));
    await sender.call({});
    const report = await sender.send(numbers(20));

    expect(report).toMatchObject({ calls: 5, failed: 5 });
    expect(bodies).toHaveLength(11);
  });

  it('resets after publish()', async () => {
    const { url, bodies } = await startHost(turn => (turn <= 11 ? 500 : 200));
    const sender = senderTo(url);
    await sender.send(numbers(50));
    sender.publish();

    expect(sender).toMatchObject({ failures: 0, failuresLeft: 10 });
    expect(sender.stopped).toBe(undefined);
    expect(await sender.send(numbers(5))).toMatchObject({
      calls: 5,
      failed: 0,
    });
    expect(bodies).toHaveLength(16);
  });

  it('completes running calls and starts no other', async () => {
    const { url, waiting } = await startManualHost();
    const sender = senderTo(url);
    const done = sender.send(numbers(100), { concurrency: 12 });
    await expect.poll(() => waiting).toHaveLength(12);
    for (const answer of waiting.slice(0, 10)) answer(500);
    await expect.poll(() => waiting).toHaveLength(22);
    waiting[10]!(500);
    await expect.poll(() => sender.stopped).toContain('11 calls failed');
    for (const answer of waiting.slice(11)) answer(200);

    expect(await done).toMatchObject({
      calls: 22,
      outcomes: { 200: 11, 500: 11 },
      stopped: sender.stopped,
    });
    expect(waiting).toHaveLength(22);
  });
});

describe('XeniooSender.send()', () => {
  it('sends one object per call in order', async () => {
    const { url, entries } = await startHost();
    const given = [xeniooEntry.userMessage(), xeniooEntry.takeOver()];

    const report = await senderTo(url).send(given);

    expect(entries()).toEqual(given);
    expect(report).toMatchObject({
      calls: 2,
      events: 2,
      repeated: 0,
      failed: 0,
      failuresLeft: 10,
      outcomes: { 200: 2 },
    });
  });

  it('sends a text among entries unchanged', async () => {
    const { url, bodies } = await startHost();
    await senderTo(url).send([{ a: 1 }, '{ broken', Buffer.from('é'), [1]]);

    expect(bodies).toEqual(['{"a":1}', '{ broken', 'é', '[1]']);
  });

  it('groups entries, the last group being smaller', async () => {
    const { url, entries } = await startHost();
    const report = await senderTo(url).send(numbers(7), { grouped: 3 });

    expect(entries()).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
    expect(report).toMatchObject({ calls: 3, events: 7 });
  });

  it('sends nothing for an empty list', async () => {
    const { url, bodies } = await startHost();

    expect(await senderTo(url).send([], { concurrency: 8 })).toMatchObject({
      calls: 0,
      outcomes: {},
    });
    expect(bodies).toEqual([]);
  });

  it('shuffles and repeats equally for the same seed', async () => {
    const sent = async (seed: number) => {
      const { url, entries } = await startHost();
      const report = await senderTo(url, { seed }).send(numbers(100), {
        shuffled: true,
        repeated: 0.5,
      });
      expect(report.calls).toBe(100 + report.repeated);
      return entries() as number[];
    };
    const once = await sent(7);

    expect(await sent(7)).toEqual(once);
    expect(await sent(8)).not.toEqual(once);
    expect([...new Set(once)].toSorted((a, b) => a - b)).toEqual(numbers(100));
  });

  it('has exactly `concurrency` calls in progress', async () => {
    const { url, waiting } = await startManualHost();
    const done = senderTo(url).send(numbers(40), { concurrency: 7 });
    for (let answered = 0; answered < 40; answered++) {
      const called = Math.min(answered + 7, 40);
      await expect.poll(() => waiting).toHaveLength(called);
      waiting[answered]!(200);
    }

    expect((await done).calls).toBe(40);
  });

  it('sends calls one after another by default', async () => {
    const { url, waiting } = await startManualHost();
    const done = senderTo(url).send(numbers(5));
    for (let call = 0; call < 5; call++) {
      await expect.poll(() => waiting).toHaveLength(call + 1);
      waiting[call]!(200);
    }

    expect((await done).calls).toBe(5);
    expect(waiting).toHaveLength(5);
  });

  it('starts no call before its scheduled time', async () => {
    const arrivedAt: number[] = [];
    const { url } = await serve((_request, response) => {
      arrivedAt.push(performance.now());
      response.end();
    });
    const startedAt = performance.now();
    await senderTo(url).send(numbers(10), { intervalMs: 15, concurrency: 4 });

    for (const [turn, at] of arrivedAt.entries()) {
      expect(at - startedAt).toBeGreaterThanOrEqual(turn * 15 - 2);
    }
  });

  it('calls onCall with each answer and an interim report', async () => {
    const { url } = await startHost(turn => (turn === 2 ? 500 : 200));
    const interim: unknown[] = [];
    await senderTo(url).send(numbers(3), {
      onCall: ({ outcome }, soFar) => {
        const { calls, failed, failuresLeft } = soFar();
        interim.push([outcome, calls, failed, failuresLeft]);
      },
    });

    expect(interim).toEqual([
      [200, 1, 0, 10],
      [500, 2, 1, 9],
      [200, 3, 1, 9],
    ]);
  });
});

describe('XeniooSender.send() end', () => {
  it('stops when the signal aborts', async () => {
    const { url } = await startHost();
    const controller = new AbortController();
    let calls = 0;
    const report = await senderTo(url).send(xeniooTraffic({ endless: true }), {
      concurrency: 4,
      signal: controller.signal,
      onCall: () => {
        if (++calls === 20) controller.abort();
      },
    });

    expect(report.calls).toBeGreaterThanOrEqual(20);
    expect(report.calls).toBeLessThan(25);
    expect(report).not.toHaveProperty('stopped');
  });

  it('stops when the signal aborts while waiting for a stream', async () => {
    const { url } = await startHost();
    const controller = new AbortController();
    async function* stream() {
      yield {};
      setTimeout(() => controller.abort(), 20);
      await new Promise(() => {});
    }

    const { signal } = controller;
    expect((await senderTo(url).send(stream(), { signal })).calls).toBe(1);
  });

  it('rejects with the error of a list and can send the next list', async () => {
    const { url, entries } = await startHost();
    const sender = senderTo(url);
    async function* broken() {
      yield* [1, 2, 3];
      throw new Error('file is gone');
    }

    await expect(
      sender.send(broken(), { concurrency: 3, intervalMs: 1 }),
    ).rejects.toThrow('file is gone');
    expect(entries()).toEqual([1, 2, 3]);
    await sender.send([4]);
    expect(entries()).toEqual([1, 2, 3, 4]);
  });

  it('rejects with the error of an async onCall', async () => {
    const { url } = await startHost();
    const error = new Error('progress bar broke');

    await expect(
      senderTo(url).send(numbers(3), { onCall: () => Promise.reject(error) }),
    ).rejects.toBe(error);
  });

  it('rejects with the error of onCall and makes no further call', async () => {
    const { url, entries } = await startHost();
    const sender = senderTo(url);
    const error = new Error('progress bar broke');

    await expect(
      sender.send(numbers(100), {
        concurrency: 4,
        onCall: () => {
          throw error;
        },
      }),
    ).rejects.toBe(error);
    const made = entries();
    expect(made.length).toBeLessThan(10);
    for (let call = 0; call < 5; call++) await sender.call('"later"');
    expect(entries()).toEqual([...made, ...Array(5).fill('later')]);
  });

  const round: Record<string, unknown> = {};
  round['self'] = round;

  it.each([
    ['a BigInt', 1n, 'BigInt'],
    ['a circle', round, 'circular'],
    ['nothing', undefined, 'got nothing'],
    ['a function', () => {}, 'got a function'],
  ])(
    'rejects an entry that JSON does not support and makes no further call: %s',
    async (_name, wrong, message) => {
      const { url, entries } = await startHost();

      await expect(
        senderTo(url).send([{ first: 1 }, wrong, {}]),
      ).rejects.toThrow(message);
      expect(entries()).toEqual([{ first: 1 }]);
    },
  );

  it.each(['stop', 'signal', 'error'])('closes the list (%s)', async reason => {
    const { url } = await startHost(() => (reason === 'stop' ? 500 : 200));
    const closed = vi.fn<() => void>();
    const controller = new AbortController();
    function* list() {
      try {
        for (;;) yield {};
      } finally {
        closed();
      }
    }
    const done = senderTo(url).send(list(), {
      concurrency: 3,
      signal: controller.signal,
      onCall: () => {
        if (reason === 'signal') controller.abort();
        if (reason === 'error') throw new Error('broke');
      },
    });
    await done.catch(() => {});

    expect(closed).toHaveBeenCalledOnce();
  });

  it('reads nothing from a list when an option is invalid', async () => {
    const list = { [Symbol.iterator]: vi.fn<() => void>() };

    await expect(
      senderTo('http://127.0.0.1:1').send(list, { concurrency: 0 }),
    ).rejects.toThrow('`concurrency`');
    expect(list[Symbol.iterator]).not.toHaveBeenCalled();
  });

  it('leaves no connection open after close()', async () => {
    const open = new Set<unknown>();
    const { url } = await serveRaw(socket => {
      open.add(socket);
      socket.on('close', () => open.delete(socket));
      socket.on('data', () =>
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
      );
    });
    const sender = senderTo(url);
    await sender.send(numbers(50), { concurrency: 10 });
    expect(open.size).toBeGreaterThan(1);
    sender.close();

    await expect.poll(() => open.size).toBe(0);
  });
});

describe('XeniooSender report', () => {
  it('contains no secret', async () => {
    const { url } = await startHost(() => 401);
    const sender = senderTo(url, { secret: 'SeCrEt' });
    const report = await sender.send(numbers(20));
    const answer = await senderTo('http://127.0.0.1:1', {
      secret: 'SeCrEt',
    }).call({});

    expect(JSON.stringify([report, answer, sender.stopped])).not.toContain(
      'SeCrEt',
    );
    await expect(sender.call({})).rejects.not.toThrow('SeCrEt');
    expect(() => senderTo(url, { secret: 'SeCrEt\nX: y' })).toThrow(
      /^(?!.*SeCrEt).*invalid in a header/,
    );
  });
});

it('XeniooSender hides the secret when inspected', () => {
  const sender = senderTo('http://localhost:1');

  expect(inspect(sender, { depth: null, showHidden: true })).not.toContain(
    'right-secret',
  );
  expect(JSON.stringify(sender)).not.toContain('right-secret');
});
