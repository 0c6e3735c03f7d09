import * as fc from 'fast-check';
import { Logger } from '@nestjs/common';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { XeniooDeadLetter } from '../../../lib/handlers/xenioo-dead-letter.js';
import type { XeniooTask } from '../../../lib/handlers/xenioo-task.js';
import { deadLetterOf } from '../../../lib/inbox/record-run.js';
import { storeDeadLetter } from '../../../lib/inbox/stored-form.js';
import { MemoryDeadLetters } from '../../../lib/memory/memory.dead-letters.js';
import { XeniooDeadLetterError } from '../../../lib/xenioo.errors.js';
import { LogRecorder } from '../../support/log-recorder.js';
import { eventOf, invalidOf } from '../../support/entry-of.js';

/** Returns the dead letter of a handler that failed on an event with this text. */
function letterOf(text: string, handler = 'Crm.save'): XeniooDeadLetter {
  const event = eventOf({ Type: 1, Data: text, Date: '2024-05-01T12:00:00Z' });
  return deadLetterOf(event, { handler, attempts: 1, error: 'down' });
}

const bytesOf = (letter: XeniooDeadLetter) =>
  Buffer.byteLength(storeDeadLetter(letter));

function createLetters(maxBytes?: number) {
  const added: XeniooTask[] = [];
  const letters = new MemoryDeadLetters(
    tasks => added.push(...tasks),
    maxBytes,
  );
  const idsOf = async (...query: Parameters<typeof letters.list>) =>
    (await letters.list(...query)).map(({ id }) => id);
  return { letters, added, idsOf };
}

let logs: LogRecorder;

beforeEach(() => {
  logs = new LogRecorder();
  Logger.overrideLogger(logs);
});

describe('MemoryDeadLetters', () => {
  it('returns a letter as it was added, any number of times', async () => {
    const { letters } = createLetters();
    const letter = letterOf('a');
    const invalid = deadLetterOf(invalidOf('text'));
    letters.add(letter);
    letters.add(invalid);

    for (let n = 0; n < 2; n++) {
      expect(await letters.get(letter.id)).toEqual(letter);
      expect(await letters.get(invalid.id)).toEqual(invalid);
      expect(await letters.list()).toEqual([letter, invalid]);
    }
    expect(letters.size).toBe(2);
  });

  it('replaces a letter of the same id and makes it the newest', async () => {
    const { letters, idsOf } = createLetters();
    const [a, b] = [letterOf('a'), letterOf('b')];
    const again = { ...a, attempts: 7 };
    for (const letter of [a, b, again]) letters.add(letter);

    expect(await idsOf()).toEqual([b.id, a.id]);
    expect(await letters.get(a.id)).toEqual(again);
    expect(letters.size).toBe(2);
  });

  it('removes a letter', async () => {
    const { letters, idsOf, added } = createLetters();
    const [a, b] = [letterOf('a'), letterOf('b')];
    letters.add(a);
    letters.add(b);

    expect(await letters.remove(a.id)).toBe(true);
    expect(await letters.remove(a.id)).toBe(false);
    expect(await letters.get(a.id)).toBeUndefined();
    expect(await idsOf()).toEqual([b.id]);
    expect(added).toEqual([]);
  });
});

describe('MemoryDeadLetters.list()', () => {
  const all = Array.from({ length: 5 }, (_, n) => letterOf(`${n}`));
  const ids = all.map(({ id }) => id);

  function createFilled() {
    const created = createLetters();
    for (const letter of all) created.letters.add(letter);
    return created;
  }

  it('lists the oldest letters first', async () => {
    const { idsOf } = createFilled();

    expect(await idsOf()).toEqual(ids);
    expect(await idsOf({ limit: 2 })).toEqual(ids.slice(0, 2));
    expect(await idsOf({ limit: 2, after: ids[1] })).toEqual(ids.slice(2, 4));
    expect(await idsOf({ limit: 2, after: ids[3] })).toEqual(ids.slice(4));
    expect(await idsOf({ after: ids[4] })).toEqual([]);
  });

  it('returns a hundred letters by default', async () => {
    const { letters, idsOf } = createLetters();
    for (let n = 0; n < 101; n++) letters.add(letterOf(`${n}`));

    expect(await idsOf()).toHaveLength(100);
    expect(await idsOf({ limit: 500 })).toHaveLength(101);
  });

  it('returns a full page of matching letters', async () => {
    const { letters, idsOf } = createFilled();
    const invalid = deadLetterOf(invalidOf('text'));
    const other = letterOf('other', 'Desk.notify');
    const late = letterOf('late', 'Desk.notify');
    for (const letter of [invalid, other, late]) letters.add(letter);
    const handler = 'Desk.notify';

    expect(await idsOf({ kind: 'invalid' })).toEqual([invalid.id]);
    expect(await idsOf({ handler })).toEqual([other.id, late.id]);
    expect(await idsOf({ handler, limit: 1 })).toEqual([other.id]);
    expect(await idsOf({ handler, after: other.id })).toEqual([late.id]);
    expect(await idsOf({ kind: 'event', after: invalid.id })).toEqual([
      other.id,
      late.id,
    ]);
  });

  it('yields to the event loop when few of many letters match', async () => {
    const { letters, idsOf } = createLetters();
    for (let n = 0; n < 2_000; n++) letters.add(letterOf(`${n}`));
    const match = letterOf('match', 'Desk.notify');
    letters.add(match);
    let turns = 0;
    let hasEnded = false;
    const count = () => {
      turns++;
      if (!hasEnded) setImmediate(count);
    };
    setImmediate(count);

    expect(await idsOf({ handler: 'Desk.notify' })).toEqual([match.id]);
    hasEnded = true;
    expect(turns).toBeGreaterThan(5);
  });

  it('rejects a cursor whose letter no longer exists', async () => {
    const { letters } = createFilled();
    await letters.remove(ids[1]!);

    await expect(letters.list({ after: ids[1] })).rejects.toThrow(
      new XeniooDeadLetterError(`there is no dead letter ${ids[1]}`),
    );
  });
});

describe('MemoryDeadLetters.replay()', () => {
  const letter = letterOf('a');
  const task = { entry: letter.entry, handler: 'Crm.save', attempts: 0 };

  it('replaces the letter with the tasks', async () => {
    const { letters, added, idsOf } = createLetters();
    letters.add(letter);

    expect(await letters.replay(letter.id, [task, task])).toBe(true);

    expect(added).toEqual([task, task]);
    expect(await idsOf()).toEqual([]);
  });

  it('does nothing without such a letter', async () => {
    const { letters, added } = createLetters();

    expect(await letters.replay('gone', [task])).toBe(false);
    expect(added).toEqual([]);
  });

  it('adds the tasks once when called several times at once', async () => {
    const { letters, added } = createLetters();
    letters.add(letter);

    const all = [1, 2, 3].map(() => letters.replay(letter.id, [task]));

    expect(await Promise.all(all)).toEqual([true, false, false]);
    expect(added).toEqual([task]);
  });
});

describe('MemoryDeadLetters when letters take too much memory', () => {
  const all = ['a', 'b', 'c', 'd'].map(text => letterOf(text));
  const ids = all.map(({ id }) => id);
  const size = bytesOf(all[0]!);

  it('drops only as many of the oldest letters as necessary', async () => {
    const { letters, idsOf } = createLetters(3 * size);
    for (const letter of all) letters.add(letter);

    expect(await idsOf()).toEqual(ids.slice(1));
  });

  it('drops the oldest letter after any sequence of additions and removals', async () => {
    const step = fc.record({ index: fc.nat(3), isAdded: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async steps => {
        const { letters, idsOf } = createLetters(2 * size);
        let left: string[] = [];
        for (const { index, isAdded } of steps) {
          const id = ids[index]!;
          left = left.filter(other => other !== id);
          if (isAdded) {
            letters.add(all[index]!);
            left = [...left, id].slice(-2);
          } else {
            await letters.remove(id);
          }
        }
        expect(await idsOf()).toEqual(left);
      }),
    );
  });

  it('drops no letter up to exactly the limit', async () => {
    const { letters, idsOf } = createLetters(4 * size);
    for (const letter of all) letters.add(letter);

    expect(await idsOf()).toEqual(ids);
    expect(logs.lines).toEqual([]);
  });

  it('counts bytes, not characters', async () => {
    const [first, second] = [letterOf('🎉🎉🎉🎉'), letterOf('x')];
    const { letters, idsOf } = createLetters(
      bytesOf(first) + bytesOf(second) - 1,
    );
    letters.add(first);
    letters.add(second);

    expect(await idsOf()).toEqual([second.id]);
  });

  it('does not count letters that were removed, replayed or replaced', async () => {
    const { letters, idsOf } = createLetters(2 * size);
    for (let round = 0; round < 5; round++) {
      letters.add(all[0]!);
      letters.add(all[1]!);
      letters.add(all[0]!);
      await letters.remove(ids[0]!);
      await letters.replay(ids[1]!, []);
    }
    letters.add(all[2]!);
    letters.add(all[3]!);

    expect(await idsOf()).toEqual(ids.slice(2));
    expect(logs.lines).toEqual([]);
  });

  it('logs an error at most once a minute with the number of dropped letters', () => {
    const now = vi.spyOn(performance, 'now');
    onTestFinished(() => now.mockRestore());
    const { letters } = createLetters(size);
    letters.add(letterOf('a'));
    for (const [index, text] of 'bcdefghijklmno'.split('').entries()) {
      now.mockReturnValue(100_000 + index * 10_000);
      letters.add(letterOf(text));
    }

    const lines = logs.ofXenioo('error');
    expect(
      lines.map(line => Number(/dropped so far: (\d+)/.exec(line)?.[1])),
    ).toEqual([1, 7, 13]);
    expect(lines[0]).toBe(
      `Dead letters exceed ${size} bytes of memory; the module drops the oldest (dropped so far: 1). Fix the handlers that fail, then replay or remove the letters with XeniooDeadLetters. A durable inbox keeps all of them.`,
    );
  });

  it('keeps the other letters when a single one is too large', async () => {
    const { letters, idsOf } = createLetters(3 * size);
    letters.add(all[0]!);
    letters.add(all[1]!);
    letters.add(letterOf('x'.repeat(4 * size)));

    expect(await idsOf()).toEqual(ids.slice(0, 2));
    expect(logs.ofXenioo('error')).toHaveLength(1);
  });
});

it('MemoryDeadLetters keeps 64 MB by default', async () => {
  const { letters } = createLetters();
  const megabyte = 'x'.repeat(2 ** 20);
  for (let n = 0; n < 65; n++) letters.add(letterOf(`${n} ${megabyte}`));

  expect(await letters.list({ limit: 100 })).toHaveLength(63);
});
