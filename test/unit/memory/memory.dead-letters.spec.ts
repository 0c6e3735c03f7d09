import * as fc from 'fast-check';
import { Logger } from '@nestjs/common';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { XeniooHandlerFailure } from '../../../lib/handlers/xenioo-handler.failure.js';
import {
  letterOfFailures,
  letterOfInvalid,
  storeLetter,
  type XeniooDeadLetter,
} from '../../../lib/inbox/dead-letter.js';
import { MemoryDeadLetters } from '../../../lib/memory/memory.dead-letters.js';
import type { XeniooReplay } from '../../../lib/inbox/xenioo.dead-letter-store.js';
import { XeniooDeadLetterError } from '../../../lib/xenioo.errors.js';
import { LogRecorder } from '../../support/log-recorder.js';
import { eventOf, invalidOf } from '../../support/receipt.js';

/** The letter of an event with this text, on which these handlers gave up. */
function letterOf(text: string, ...handlers: string[]): XeniooDeadLetter {
  const event = eventOf({ Type: 1, Data: text, Date: '2024-05-01T12:00:00Z' });
  return letterOfFailures(
    event,
    (handlers.length > 0 ? handlers : ['Crm.save']).map(
      handler => new XeniooHandlerFailure(event, handler, 'down', 1),
    ),
  );
}

const bytesOf = (letter: XeniooDeadLetter) =>
  Buffer.byteLength(storeLetter(letter));

function create(mostBytes?: number) {
  const requeued: XeniooReplay[] = [];
  const letters = new MemoryDeadLetters(
    replay => requeued.push(replay),
    mostBytes,
  );
  const idsOf = async (...query: Parameters<typeof letters.list>) =>
    (await letters.list(...query)).map(({ id }) => id);
  return { letters, requeued, idsOf };
}

let logs: LogRecorder;

beforeEach(() => {
  logs = new LogRecorder();
  Logger.overrideLogger(logs);
});

describe('a letter', () => {
  it('is given back as it was added, and as often as it is asked for', async () => {
    const { letters } = create();
    const letter = letterOf('a', 'Crm.save', 'Desk.notify');
    const invalid = letterOfInvalid(invalidOf('text'));
    letters.add(letter);
    letters.add(invalid);

    expect(await letters.get(letter.id)).toEqual(letter);
    expect(letters.find(letter.id)).toEqual(letter);
    expect(await letters.get(invalid.id)).toEqual(invalid);
    expect(await letters.list()).toEqual([letter, invalid]);
  });

  it('is one an id: the last takes the place of the one before, as the newest', async () => {
    const { letters, idsOf } = create();
    const [a, b, again] = [letterOf('a'), letterOf('b'), letterOf('a', 'x')];
    letters.add(a);
    letters.add(b);
    letters.add(again);

    expect(await idsOf()).toEqual([b.id, a.id]);
    expect(await letters.get(a.id)).toEqual(again);
  });

  it('is forgotten when it is removed', async () => {
    const { letters, idsOf, requeued } = create();
    const [a, b] = [letterOf('a'), letterOf('b')];
    letters.add(a);
    letters.add(b);

    expect(await letters.remove(a.id)).toBe(true);
    expect(await letters.remove(a.id)).toBe(false);
    expect(await letters.get(a.id)).toBeUndefined();
    expect(await idsOf()).toEqual([b.id]);
    expect(requeued).toEqual([]);
  });
});

describe('a list', () => {
  const all = Array.from({ length: 5 }, (_, n) => letterOf(`${n}`));
  const ids = all.map(({ id }) => id);

  function filled() {
    const created = create();
    for (const letter of all) created.letters.add(letter);
    return created;
  }

  it('is in the order in which they came, a page at a time', async () => {
    const { idsOf } = filled();

    expect(await idsOf()).toEqual(ids);
    expect(await idsOf({ limit: 2 })).toEqual(ids.slice(0, 2));
    expect(await idsOf({ limit: 2, after: ids[1] })).toEqual(ids.slice(2, 4));
    expect(await idsOf({ limit: 2, after: ids[3] })).toEqual(ids.slice(4));
    expect(await idsOf({ after: ids[4] })).toEqual([]);
  });

  it('has a hundred where nobody says how many', async () => {
    const { letters, idsOf } = create();
    for (let n = 0; n < 101; n++) letters.add(letterOf(`${n}`));

    expect(await idsOf()).toHaveLength(100);
    expect(await idsOf({ limit: 500 })).toHaveLength(101);
  });

  it('has those that are meant, as many as there are', async () => {
    const { letters, idsOf } = filled();
    const invalid = letterOfInvalid(invalidOf('text'));
    const other = letterOf('other', 'Desk.notify');
    const late = letterOf('late', 'Desk.notify', 'Crm.save');
    for (const letter of [invalid, other, late]) letters.add(letter);

    expect(await idsOf({ kind: 'invalid' })).toEqual([invalid.id]);
    expect(await idsOf({ handler: 'Desk.notify' })).toEqual([
      other.id,
      late.id,
    ]);
    expect(await idsOf({ handler: 'Desk.notify', limit: 1 })).toEqual([
      other.id,
    ]);
    expect(await idsOf({ handler: 'Crm.save', after: ids[4] })).toEqual([
      late.id,
    ]);
    expect(await idsOf({ kind: 'event', after: invalid.id })).toEqual([
      other.id,
      late.id,
    ]);
  });

  it('is made without reading all the others', async () => {
    const { letters, idsOf } = create();
    for (let n = 0; n < 1_000; n++) letters.add(letterOf(`${n}`));
    const meant = letterOf('meant', 'Desk.ring');
    letters.add(meant);
    const parse = vi.spyOn(JSON, 'parse');
    onTestFinished(() => parse.mockRestore());

    expect(await idsOf({ handler: 'Desk.ring' })).toEqual([meant.id]);
    expect(await idsOf({ kind: 'invalid' })).toEqual([]);

    expect(parse.mock.calls.length).toBeLessThan(100);
  });

  it('can’t begin after a letter that is gone', async () => {
    const { letters } = filled();
    await letters.remove(ids[1]!);

    await expect(letters.list({ after: ids[1] })).rejects.toThrow(
      new XeniooDeadLetterError(`there is no dead letter ${ids[1]}`),
    );
  });
});

describe('a replay', () => {
  it('takes the letter away and makes its entries pending', async () => {
    const { letters, requeued, idsOf } = create();
    const letter = letterOf('a');
    letters.add(letter);
    const replay = { entries: [], handlers: ['Crm.save'] };

    expect(await letters.replay(letter.id, replay)).toBe(true);

    expect(requeued).toEqual([replay]);
    expect(await idsOf()).toEqual([]);
  });

  it('of some handlers leaves the others', async () => {
    const { letters, requeued } = create();
    const letter = letterOf('a', 'Crm.save', 'Desk.gone');
    letters.add(letter);

    await letters.replay(letter.id, { entries: [], handlers: ['Crm.save'] });

    expect(await letters.get(letter.id)).toEqual({
      ...letter,
      failures: letter.failures.slice(1),
    });
    expect(requeued).toHaveLength(1);
  });

  it('of a letter that is not there does nothing', async () => {
    const { letters, requeued } = create();

    expect(await letters.replay('gone', { entries: [] })).toBe(false);
    expect(requeued).toEqual([]);
  });

  it('happens once, however many ask for it at once', async () => {
    const { letters, requeued } = create();
    const { id } = letterOf('a');
    letters.add(letterOf('a'));

    const all = [1, 2, 3].map(() => letters.replay(id, { entries: [] }));

    expect(await Promise.all(all)).toEqual([true, false, false]);
    expect(requeued).toHaveLength(1);
  });
});

describe('when letters take too much memory', () => {
  const all = ['a', 'b', 'c', 'd'].map(text => letterOf(text));
  const ids = all.map(({ id }) => id);
  const size = bytesOf(all[0]!);

  it('drops the oldest, and no more than it must', async () => {
    const { letters, idsOf } = create(3 * size);
    for (const letter of all) letters.add(letter);

    expect(await idsOf()).toEqual(ids.slice(1));
  });

  it('drops the oldest, whatever was dropped, removed and added again before', async () => {
    const step = fc.record({ index: fc.nat(3), isAdded: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async steps => {
        const { letters, idsOf } = create(2 * size);
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

  it('drops none while there is room, to the byte', async () => {
    const { letters, idsOf } = create(4 * size);
    for (const letter of all) letters.add(letter);

    expect(await idsOf()).toEqual(ids);
    expect(logs.lines).toEqual([]);
  });

  it('counts bytes and not characters', async () => {
    const [first, second] = [letterOf('🎉🎉🎉🎉'), letterOf('x')];
    const { letters, idsOf } = create(bytesOf(first) + bytesOf(second) - 1);
    letters.add(first);
    letters.add(second);

    expect(await idsOf()).toEqual([second.id]);
  });

  it('has room again for what was removed, replayed or replaced', async () => {
    const { letters, idsOf } = create(2 * size);
    for (let round = 0; round < 5; round++) {
      letters.add(all[0]!);
      letters.add(all[1]!);
      letters.add(all[0]!);
      await letters.remove(ids[0]!);
      await letters.replay(ids[1]!, { entries: [] });
    }
    letters.add(all[2]!);
    letters.add(all[3]!);

    expect(await idsOf()).toEqual(ids.slice(2));
    expect(logs.lines).toEqual([]);
  });

  it('tells of an error once a minute, and how many are gone', () => {
    const now = vi.spyOn(performance, 'now');
    onTestFinished(() => now.mockRestore());
    const { letters } = create(size);
    letters.add(letterOf('a'));
    for (const [index, text] of 'bcdefghijklmno'.split('').entries()) {
      now.mockReturnValue(100_000 + index * 10_000);
      letters.add(letterOf(text));
    }

    const told = logs.ofXenioo('error');
    expect(told.map(line => Number(/(\d+) so far/.exec(line)?.[1]))).toEqual([
      1, 7, 13,
    ]);
    expect(told[0]).toBe(
      `Dead letters take more than ${size} bytes of memory: the oldest are dropped, and what alone would take that much, 1 so far. Mend what fails and replay or remove them, see XeniooDeadLetters; an inbox on disk keeps them all.`,
    );
  });

  it('keeps the others where one alone is too large', async () => {
    const { letters, idsOf } = create(3 * size);
    letters.add(all[0]!);
    letters.add(all[1]!);
    letters.add(letterOf('x'.repeat(4 * size)));

    expect(await idsOf()).toEqual(ids.slice(0, 2));
    expect(logs.ofXenioo('error')).toHaveLength(1);
  });
});

it('keeps 64 MB where nobody says how much', async () => {
  const { letters } = create();
  const megabyte = 'x'.repeat(2 ** 20);
  for (let n = 0; n < 65; n++) letters.add(letterOf(`${n} ${megabyte}`));

  expect(await letters.list({ limit: 100 })).toHaveLength(63);
});
