import type { INestApplicationContext } from '@nestjs/common';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  InvalidXeniooEntry,
  OnXenioo,
  OnXeniooInvalid,
  XeniooDeadLetters,
  XeniooWebhookStatus,
  XeniooModule,
} from '../../lib/index.js';
import { dispatched, idle, senderFor } from '../../lib/testing/index.js';
import { countEntries } from '../fuzz/count-entries.js';
import { generateBody } from '../fuzz/generate-body.js';
import { sendGenerated } from '../fuzz/send-generated.js';
import { startHost } from '../support/host-app.js';
import { isIdentical } from '../support/is-identical.js';

const SEED = 20_240_501;

class Everything {
  @OnXenioo()
  handle(): void {}

  readonly invalid: InvalidXeniooEntry[] = [];

  @OnXeniooInvalid()
  keep(entry: InvalidXeniooEntry): void {
    this.invalid.push(entry);
  }
}

/** Counts the events and invalid entries that the handlers got. */
function handledBy(app: INestApplicationContext): number {
  return dispatched(app).length + app.get(Everything).invalid.length;
}

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  it('answers 200 to any body, and handles each entry once', async () => {
    const { app, logs } = await startHost(adapter, {
      imports: [
        XeniooModule.forRoot({ secret: 'right-secret', dedupe: false }),
      ],
      providers: [Everything],
    });
    const sender = await senderFor(app);
    onTestFinished(() => sender.close());

    for (let index = 0; index < 600; index++) {
      const before = handledBy(app);
      const { entries, failures } = await sendGenerated(sender, SEED, {
        from: index,
        count: 1,
        atOnce: 1,
      });
      await idle(app);

      expect(failures).toEqual([]);
      const handled = handledBy(app) - before;
      const { kind } = generateBody(SEED, index);
      expect(handled, `body ${index}, ${kind}`).toBe(entries);
    }

    const { invalid } = app.get(Everything);
    expect(dispatched(app, 'Everything.handle').length).toBeGreaterThan(500);
    expect(invalid.length).toBeGreaterThan(200);
    const letters = await app.get(XeniooDeadLetters).list({ limit: 100_000 });
    expect(letters).toHaveLength(invalid.length);
    for (const [index, { entry }] of letters.entries()) {
      expect(isIdentical(entry, invalid[index])).toBe(true);
    }
    expect(app.get(XeniooWebhookStatus).strikes).toBe(0);
    expect(logs.ofXenioo('error')).toEqual([]);
    expect({}).not.toHaveProperty('polluted');
  });
});

describe('generateBody()', () => {
  it('generates the same body for the same seed, and another one for another seed', () => {
    expect(generateBody(1, 2)).toEqual(generateBody(1, 2));
    expect(generateBody(1, 2)).not.toEqual(generateBody(2, 2));
  });

  it('generates every kind of body', () => {
    const kinds = new Set(
      Array.from({ length: 5_000 }, (_, index) => {
        const { kind } = generateBody(SEED, index);
        return kind.replace(/, .*/, '');
      }),
    );

    expect(kinds.size).toBe(23);
  });
});

describe('countEntries()', () => {
  it.each([
    ['[{},{}]', 2],
    ['[]', 0],
    ['{}', 1],
    ['broken', 1],
    ['', 1],
    ['\uFEFF[1,2]', 2],
    [`[${'0,'.repeat(20_000)}0]`, 1],
  ])('counts the entries of %.20j as %i', (text, count) => {
    const decoded = Buffer.from(text);

    expect(countEntries({ decoded, headers: {} })).toBe(count);
  });
});
