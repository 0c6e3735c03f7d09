import { Test } from '@nestjs/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { InvalidXeniooEntry } from '../../../lib/events/invalid-xenioo.entry.js';
import { OnXenioo } from '../../../lib/handlers/on-xenioo.decorator.js';
import type { XeniooDeadLetter } from '../../../lib/handlers/xenioo-dead-letter.js';
import type { XeniooTask } from '../../../lib/handlers/xenioo-task.js';
import { XeniooObservers } from '../../../lib/handlers/xenioo.observers.js';
import { deadLetterOf } from '../../../lib/inbox/record-run.js';
import { XeniooInboxModule } from '../../../lib/inbox/xenioo-inbox.module.js';
import type {
  XeniooDeadLetterFilter,
  XeniooDeadLetterQuery,
} from '../../../lib/inbox/xenioo.dead-letter-store.js';
import { XeniooDeadLetters } from '../../../lib/inbox/xenioo.dead-letters.js';
import { MemoryInbox } from '../../../lib/memory/memory.inbox.js';
import {
  XeniooDeadLetterError,
  XeniooOptionsError,
} from '../../../lib/xenioo.errors.js';
import { LogRecorder } from '../../support/log-recorder.js';
import { eventOf } from '../../support/entry-of.js';

class Crm {
  @OnXenioo()
  save(): void {}

  @OnXenioo()
  bill(): void {}
}

/** Returns the dead letter of a handler that failed on an event with this text. */
function letterOf(
  text: string,
  handler = 'Crm.save',
  conversation?: string,
): XeniooDeadLetter {
  const event = eventOf({
    Type: 1,
    Data: text,
    Date: '2024-05-01T12:00:00Z',
    ConversationId: conversation ?? null,
  });
  return {
    ...deadLetterOf(event, { handler, attempts: 3, error: new Error('down') }),
    deadLetteredAt: new Date('2024-05-01T12:00:01Z'),
  };
}

const letterOfRaw = (raw: unknown, id = 'invalid') =>
  deadLetterOf(
    new InvalidXeniooEntry(
      id,
      'invalid-fields',
      ['?'],
      raw,
      'support',
      new Date('2024-05-01T12:00:00Z'),
    ),
  );

/** Inbox with its letters and the tasks that it ran. */
class Instance {
  readonly ran: XeniooTask[] = [];
  readonly inbox = new MemoryInbox(
    { maxPending: 1, acknowledgeWithinMs: 0 },
    { concurrency: 32, dedupe: false, acceptTimeoutMs: 0 },
  );

  addLetters(...letters: XeniooDeadLetter[]): void {
    for (const letter of letters) this.inbox.deadLetters.add(letter);
  }

  /** Returns the texts of the events that the inbox ran. */
  async replayed(): Promise<string[]> {
    await this.inbox.idle();
    return this.ran
      .splice(0)
      .map(({ entry: { raw } }) => (raw as { Data: string }).Data);
  }
}

/** Starts an application with two handlers and several instances of the module. */
async function startInstances(count = 1) {
  const logs = new LogRecorder();
  const app = await Test.createTestingModule({
    imports: [XeniooInboxModule],
    providers: [Crm],
  })
    .setLogger(logs)
    .compile();
  onTestFinished(() => app.close());
  await app.init();
  const letters = app.get(XeniooDeadLetters);
  const instances = Array.from({ length: count }, () => new Instance());
  for (const { inbox, ran } of instances) {
    await inbox.start({
      async run(task) {
        ran.push(task);
        return [];
      },
      async announce() {},
      reportDuplicates() {},
    });
    letters.register(inbox, name => ({ name, secrets: [] }));
  }
  logs.lines.splice(0);
  const idsOf = async (query?: XeniooDeadLetterQuery) =>
    (await letters.list(query)).map(({ id }) => id);
  const [one, other] = instances as [Instance, Instance];
  return { app, logs, letters, one, other, idsOf };
}

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(text => letterOf(text)) as [
  XeniooDeadLetter,
  XeniooDeadLetter,
  XeniooDeadLetter,
  XeniooDeadLetter,
];

describe('XeniooDeadLetters.list()', () => {
  it('lists the letters of each instance, the oldest first', async () => {
    const { one, other, idsOf } = await startInstances(2);
    one.addLetters(a, b);
    other.addLetters(c, d);
    const ids = [a, b, c, d].map(({ id }) => id);

    expect(await idsOf()).toEqual(ids);
    expect(await idsOf({ limit: 3 })).toEqual(ids.slice(0, 3));
    expect(await idsOf({ limit: 2, after: a.id })).toEqual(ids.slice(1, 3));
    expect(await idsOf({ limit: 2, after: b.id })).toEqual(ids.slice(2));
    expect(await idsOf({ after: c.id })).toEqual(ids.slice(3));
    expect(await idsOf({ after: d.id })).toEqual([]);
  });

  it('returns a hundred letters by default', async () => {
    const { one, idsOf } = await startInstances();
    for (let n = 0; n < 130; n++) one.addLetters(letterOf(`${n}`));

    expect(await idsOf()).toHaveLength(100);
    expect(await idsOf({ limit: undefined })).toHaveLength(100);
    expect(await idsOf({ limit: 120 })).toHaveLength(120);
  });

  it('returns the letters that match a filter', async () => {
    const { one, other, idsOf } = await startInstances(2);
    const invalid = letterOfRaw('text');
    const bill = letterOf('a', 'Crm.bill');
    const ofAnna = letterOf('x', 'Crm.save', 'Anna');
    one.addLetters(a, invalid);
    other.addLetters(bill, ofAnna);

    expect(await idsOf({ kind: 'invalid' })).toEqual([invalid.id]);
    expect(await idsOf({ handler: 'Crm.bill' })).toEqual([bill.id]);
    expect(await idsOf({ eventId: a.entry.id })).toEqual([a.id, bill.id]);
    expect(await idsOf({ bot: 'support' })).toEqual([invalid.id]);
    expect(await idsOf({ conversationId: 'Anna' })).toEqual([ofAnna.id]);
    expect(await idsOf({ kind: 'event', after: a.id })).toEqual([
      bill.id,
      ofAnna.id,
    ]);
  });

  it('lists a letter once that two instances have', async () => {
    const { letters, one, other } = await startInstances(2);
    one.addLetters(a);
    other.addLetters(a, b);

    expect(await letters.list()).toEqual([a, b]);
    await letters.replay(a.id);

    expect(await one.replayed()).toEqual(['a']);
    expect(await other.replayed()).toEqual([]);
    expect(await letters.list()).toEqual([a, b]);
  });

  it.each([
    [0, '0'],
    [-1, '-1'],
    [1.5, '1.5'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    ['10', '"10"'],
    [null, 'null'],
  ])('rejects %o as limit', async (limit, shown) => {
    const { letters } = await startInstances();

    await expect(letters.list({ limit: limit as number })).rejects.toThrow(
      new RangeError(
        `expected \`limit\` to be a whole number of at least 1, got ${shown}`,
      ),
    );
  });

  it('rejects a cursor of a letter that does not exist', async () => {
    const { letters } = await startInstances();

    await expect(letters.list({ after: 'gone' })).rejects.toThrow(
      new XeniooDeadLetterError('there is no dead letter gone'),
    );
  });

  it('continues when the letter of the cursor is removed between pages', async () => {
    const { letters, one, other, idsOf } = await startInstances(2);
    one.addLetters(a);
    other.addLetters(a, b);
    const { deadLetters } = other.inbox;
    const list = deadLetters.list.bind(deadLetters);
    deadLetters.list = async query => {
      const page = await list(query);
      await deadLetters.remove(a.id);
      return page;
    };

    expect(await idsOf({ limit: 1, after: a.id })).toEqual([b.id]);
    expect(await letters.get(b.id)).toEqual(b);
  });

  it('lists all other letters when letters are removed at any time', async () => {
    const { letters, one, other, idsOf } = await startInstances(2);
    one.addLetters(a);
    other.addLetters(b, c);

    for (let moment = 0; moment < 30; moment++) {
      const listed = idsOf();
      for (let n = 0; n < moment; n++) await Promise.resolve();
      await letters.remove(c.id);
      expect((await listed).slice(0, 2)).toEqual([a.id, b.id]);
      other.addLetters(c);
    }
  });

  it('rejects with the error of an unavailable inbox', async () => {
    const { letters, one, other } = await startInstances(2);
    one.addLetters(a);
    other.inbox.deadLetters.list = async () => {
      throw new Error('the disk is broken');
    };

    await expect(letters.list()).rejects.toThrow('the disk is broken');
  });

  it('returns an empty list without instances', async () => {
    const { letters } = await startInstances(0);

    expect(await letters.list()).toEqual([]);
    expect(await letters.replayAll()).toBe(0);
    expect(await letters.removeAll({})).toBe(0);
  });
});

it.each<[object, RegExp]>([
  [{ handlr: 'Crm.save' }, /`handlr` is not an option here/],
  [{ kind: 'foo' }, /`kind` to be 'event' or 'invalid', got "foo"/],
  [{ conversationId: 5 }, /`conversationId` to be a string, got 5/],
])(
  'XeniooDeadLetters rejects the filter %o and neither replays nor removes letters',
  async (filter, message) => {
    const { letters, one } = await startInstances();
    one.addLetters(a);
    const wrong = filter as XeniooDeadLetterFilter;

    await expect(letters.list(wrong)).rejects.toThrow(message);
    await expect(letters.replayAll(wrong)).rejects.toThrow(message);
    await expect(letters.removeAll(wrong)).rejects.toThrow(message);
    expect(await letters.list()).toEqual([a]);
  },
);

it('XeniooDeadLetters.removeAll() removes nothing when a field of the filter is undefined', async () => {
  const { letters, one } = await startInstances();
  one.addLetters(a);

  await expect(
    letters.removeAll({ conversationId: undefined }),
  ).rejects.toThrow(/every dead letter would be removed/);
  expect(await letters.list()).toEqual([a]);
});

it.each([undefined, '', 7, 'x'.repeat(501)])(
  'XeniooDeadLetters finds no letter of the id %s',
  async id => {
    const { letters } = await startInstances();
    const wrong = id as string;

    expect(await letters.get(wrong)).toBeUndefined();
    expect(await letters.remove(wrong)).toBe(false);
    await expect(letters.replay(wrong)).rejects.toThrow(XeniooDeadLetterError);
  },
);

it('XeniooDeadLetters gets, replays and removes a letter of any instance', async () => {
  const { letters, one, other } = await startInstances(2);
  one.addLetters(a, b);
  other.addLetters(c, d);

  expect(await letters.get(a.id)).toEqual(a);
  expect(await letters.get(d.id)).toEqual(d);
  expect(await letters.get('gone')).toBeUndefined();
  expect(await letters.remove(b.id)).toBe(true);
  expect(await letters.remove(d.id)).toBe(true);
  expect(await letters.remove(d.id)).toBe(false);
  await letters.replay(c.id);

  expect(await one.replayed()).toEqual([]);
  expect(await other.replayed()).toEqual(['c']);
  expect(await letters.list()).toEqual([a]);
});

it('XeniooDeadLetters.register() rejects two instances with the same storage location', async () => {
  class OnDisk extends MemoryInbox {
    constructor(override readonly storageLocation: string) {
      super(
        { maxPending: 1, acknowledgeWithinMs: 0 },
        { concurrency: 1, dedupe: false, acceptTimeoutMs: 0 },
      );
    }
  }
  const { letters } = await startInstances(2);
  const register = (path: string) =>
    letters.register(new OnDisk(path), () => undefined);
  register('/data/one');
  register('/data/other');

  expect(() => register('/data/one')).toThrow(
    new XeniooOptionsError([
      'two instances of XeniooModule store their events at /data/one: give each a location of its own',
    ]),
  );
});

describe('XeniooDeadLetters.replay()', () => {
  it('runs the task of the letter and removes the letter', async () => {
    const { letters, one } = await startInstances();
    const bill = letterOf('a', 'Crm.bill');
    one.addLetters(a, bill);

    await letters.replay(bill.id);

    expect(await letters.list()).toEqual([a]);
    await one.inbox.idle();
    expect(one.ran).toEqual([
      { entry: bill.entry, handler: 'Crm.bill', attempts: 0 },
    ]);
  });

  it('runs a task for each event in the text of an invalid entry', async () => {
    const { letters, one } = await startInstances();
    one.addLetters(
      letterOfRaw('[{"Type":1,"Data":"a"},{"Type":1,"Data":"b"}]'),
    );

    await letters.replay('invalid');

    expect(await one.replayed()).toEqual(['a', 'b']);
    expect(await letters.list()).toEqual([]);
  });

  it('notifies observers', async () => {
    const { app, letters, one } = await startInstances();
    const seen: unknown[] = [];
    app.get(XeniooObservers).add({ replayed: letter => seen.push(letter) });
    one.addLetters(a);

    await letters.replay(a.id);

    expect(seen).toEqual([a]);
  });

  it('runs the task once when called several times at once', async () => {
    const { letters, one } = await startInstances();
    one.addLetters(a);

    const all = await Promise.allSettled(
      [1, 2, 3].map(() => letters.replay(a.id)),
    );

    expect(all.map(({ status }) => status).toSorted()).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
    ]);
    expect(await one.replayed()).toEqual(['a']);
  });

  it.each([
    ['no letter has the id', 'gone', /^there is no dead letter gone$/],
    [
      'its handler does not exist',
      letterOf('x', 'Desk.gone').id,
      / was not replayed: no handler is named Desk\.gone/,
    ],
    [
      'it is still invalid',
      'invalid',
      / was not replayed: the entry is still invalid/,
    ],
  ])('rejects when %s', async (_why, id, message) => {
    const { letters, one } = await startInstances();
    const kept = [letterOf('x', 'Desk.gone'), letterOfRaw({ Type: 'x' })];
    one.addLetters(...kept);

    const replay = letters.replay(id);

    await expect(replay).rejects.toThrow(XeniooDeadLetterError);
    await expect(replay).rejects.toThrow(message);
    expect(await letters.list()).toEqual(kept);
    expect(await one.replayed()).toEqual([]);
  });
});

describe('XeniooDeadLetters.replayAll()', () => {
  it('replays the letters that match the filter, each in its instance', async () => {
    const { letters, one, other, idsOf } = await startInstances(2);
    one.addLetters(a, letterOf('b', 'Crm.bill'));
    other.addLetters(c, letterOfRaw({ Type: 1, Data: 'd' }));

    expect(await letters.replayAll({ handler: 'Crm.bill' })).toBe(1);
    expect(await one.replayed()).toEqual(['b']);
    expect(await letters.replayAll({ kind: 'invalid' })).toBe(1);
    expect(await other.replayed()).toEqual(['d']);
    expect(await idsOf()).toEqual([a.id, c.id]);
    expect(await letters.replayAll()).toBe(2);
    expect(await one.replayed()).toEqual(['a']);
    expect(await other.replayed()).toEqual(['c']);
  });

  it('skips letters that it cannot replay, on any page, and logs one line', async () => {
    const { letters, one, logs } = await startInstances();
    const all = Array.from({ length: 350 }, (_, n) =>
      letterOf(`${n}`, n % 7 === 0 ? 'Desk.gone' : 'Crm.save'),
    );
    one.addLetters(...all);

    expect(await letters.replayAll()).toBe(300);

    expect(await one.replayed()).toHaveLength(300);
    expect(await letters.list()).toHaveLength(50);
    expect(logs.ofXenioo('warn')).toEqual([
      expect.stringContaining(
        `Replaying dead letters failed (count: 50); they are kept. First error: dead letter ${all[0]!.id} was not replayed: no handler is named Desk.gone. `,
      ),
    ]);
  });

  it('terminates when two instances keep letters of the same id', async () => {
    const { letters, one, other } = await startInstances(2);
    const stays = letterOf('stays', 'Crm.renamed');
    one.addLetters(stays);
    other.addLetters(stays, b);

    expect(await letters.replayAll()).toBe(1);
    expect(await letters.list()).toEqual([stays]);
  });

  it('replays each letter once when all fail again within the same millisecond', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const { letters, one } = await startInstances();
    for (let n = 0; n < 250; n++) one.addLetters(letterOf(`${n}`));
    const { deadLetters } = one.inbox;
    const replay = deadLetters.replay.bind(deadLetters);
    let replays = 0;
    deadLetters.replay = async (id, tasks) => {
      replays++;
      const letter = (await deadLetters.get(id))!;
      const isThere = await replay(id, tasks);
      await new Promise(setImmediate);
      deadLetters.add({ ...letter, deadLetteredAt: new Date() });
      return isThere;
    };

    expect(await letters.replayAll()).toBe(250);

    expect(replays).toBe(250);
    expect(await letters.list({ limit: 1_000 })).toHaveLength(250);
  });

  it('replays each letter once when called twice at once', async () => {
    const { letters, one } = await startInstances();
    for (let n = 0; n < 250; n++) one.addLetters(letterOf(`${n}`));

    const counts = await Promise.all([
      letters.replayAll(),
      letters.replayAll(),
    ]);

    expect(counts[0] + counts[1]).toBe(250);
    expect(await one.replayed()).toHaveLength(250);
    expect(await letters.list()).toEqual([]);
  });

  it('continues when a letter that it keeps is removed meanwhile', async () => {
    const { letters, one } = await startInstances();
    const stays = letterOf('stays', 'Desk.gone');
    one.addLetters(stays);
    for (let n = 0; n < 150; n++) one.addLetters(letterOf(`${n}`));
    const { deadLetters } = one.inbox;
    const replay = deadLetters.replay.bind(deadLetters);
    deadLetters.replay = async (id, tasks) => {
      await deadLetters.remove(stays.id);
      return replay(id, tasks);
    };

    expect(await letters.replayAll()).toBe(150);
  });

  it('continues when a letter that it keeps is removed at any time', async () => {
    const { letters, one } = await startInstances();
    const stays = letterOf('stays', 'Desk.gone');

    for (let moment = 0; moment < 12; moment++) {
      one.addLetters(stays);
      for (let n = 0; n < 110; n++) one.addLetters(letterOf(`${n}`));
      const replayed = letters.replayAll();
      for (let n = 0; n < 50 * moment; n++) await Promise.resolve();
      await letters.remove(stays.id);

      expect(await replayed).toBe(110);
    }
  });

  it('yields to the event loop', async () => {
    const { letters, one } = await startInstances();
    for (let n = 0; n < 1_000; n++) one.addLetters(letterOf(`${n}`));
    let turns = 0;
    let hasEnded = false;
    const count = () => {
      turns++;
      if (!hasEnded) setImmediate(count);
    };
    setImmediate(count);

    await letters.replayAll();
    hasEnded = true;

    expect(turns).toBeGreaterThan(5);
  });

  it('rejects with the error of an unavailable inbox', async () => {
    const { letters, one } = await startInstances();
    one.addLetters(a);
    one.inbox.deadLetters.replay = async () => {
      throw new Error('the disk is full');
    };

    await expect(letters.replayAll()).rejects.toThrow('the disk is full');
  });
});

describe('XeniooDeadLetters.removeAll()', () => {
  it('removes the letters of a conversation in every instance and on every page', async () => {
    const { letters, one, other, idsOf } = await startInstances(2);
    const ofAnna = (n: number) => letterOf(`${n}`, 'Crm.save', 'Anna');
    for (let n = 0; n < 150; n++) one.addLetters(ofAnna(n));
    one.addLetters(a);
    other.addLetters(b, ofAnna(0));

    expect(await letters.removeAll({ conversationId: 'Anna' })).toBe(151);
    expect(await idsOf()).toEqual([a.id, b.id]);
    expect(await one.replayed()).toEqual([]);
  });

  it('removes every letter when the filter is empty', async () => {
    const { letters, one, other } = await startInstances(2);
    one.addLetters(a, b);
    other.addLetters(c);

    expect(await letters.removeAll({})).toBe(3);
    expect(await letters.list()).toEqual([]);
  });
});
