import { Agent } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  XeniooDeadLetters,
  XeniooHookStatus,
  XeniooModule,
} from '../../lib/index.js';
import { countEntries } from '../fuzz/count-entries.js';
import { generateBody } from '../fuzz/generate-body.js';
import { sendGenerated } from '../fuzz/send-generated.js';
import { Handled } from '../support/handled.js';
import { startHost } from '../support/host-app.js';
import { isSame } from '../support/is-same.js';

const SEED = 20_240_501;

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  it('answers 200 to whatever is in a body, and accounts for each entry', async () => {
    const host = await startHost(adapter, {
      imports: [
        XeniooModule.forRoot({ secret: 'right-secret', dedupe: false }),
      ],
      providers: [Handled],
    });
    const handled = host.app.get(Handled);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    const target = {
      url: host.url('/xenioo/webhook'),
      secret: 'right-secret',
      agent,
    };

    for (let index = 0; index < 600; index++) {
      const before = handled.events.length + handled.invalid.length;
      const { entries, failures } = await sendGenerated(target, SEED, {
        from: index,
        count: 1,
        atOnce: 1,
      });
      await host.idle();

      expect(failures).toEqual([]);
      const after = handled.events.length + handled.invalid.length;
      const { kind } = generateBody(SEED, index);
      expect(after - before, `body ${index}, ${kind}`).toBe(entries);
    }

    expect(handled.events.length).toBeGreaterThan(500);
    expect(handled.invalid.length).toBeGreaterThan(200);
    const letters = await host.app
      .get(XeniooDeadLetters)
      .list({ limit: 100_000 });
    expect(letters).toHaveLength(handled.invalid.length);
    for (const [index, { entry }] of letters.entries()) {
      expect(isSame(entry, handled.invalid[index])).toBe(true);
    }
    expect(host.app.get(XeniooHookStatus).strikes).toBe(0);
    expect(host.logs.ofXenioo('error')).toEqual([]);
    expect({}).not.toHaveProperty('polluted');
  });
});

describe('the generator', () => {
  it('makes the same of the same seed, and something else of another', () => {
    expect(generateBody(1, 2)).toEqual(generateBody(1, 2));
    expect(generateBody(1, 2)).not.toEqual(generateBody(2, 2));
  });

  it('makes every kind', () => {
    const kinds = new Set(
      Array.from({ length: 5_000 }, (_, index) => {
        const { kind } = generateBody(SEED, index);
        return kind.replace(/, .*/, '');
      }),
    );

    expect(kinds.size).toBe(22);
  });
});

describe('the count of entries', () => {
  it.each([
    ['[{},{}]', 2],
    ['[]', 0],
    ['{}', 1],
    ['broken', 1],
    ['', 1],
    ['\uFEFF[1,2]', 2],
  ])('of %j is %i', (text, count) => {
    const bytes = Buffer.from(text);

    expect(
      countEntries({ kind: '', bytes, headers: {}, isChunked: false }),
    ).toBe(count);
  });
});
