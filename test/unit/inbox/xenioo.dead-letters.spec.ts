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
import { eventOf } from '../../support/receipt.js';

class Crm {
  @OnXenioo()
  save(): void {}

  @OnXenioo()
  bill(): void {}
}

/** Creates the dead letter of an event with this text, for one handler. */
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

/** An inbox, and the tasks that it ran. */
class Instance {
  readonly ran: XeniooTask[] = [];
  readonly inbox = new MemoryInbox(
    { maxPending: 1, acknowledgeWithinMs: 0 },
    { concurrency: 32, dedupe: false, acceptTimeoutMs: 0 },
  );

  keep(...letters: XeniooDeadLetter[]): void {
    for (const letter of letters) this.inbox.deadLetters.add(letter);
  }

  /** Returns the texts of the events that ran since the last call. */
  async replayed(): Promise<string[]> {
    await this.inbox.idle();
    return this.ran
      .splice(0)
      .map(({ entry: { raw } }) => (raw as { Data: string }).Data);
  }
}

/** Starts an application with two handlers and `count` inboxes. */
async function start(count = 1) {
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

describe('a page of letters', () => {
  it('lists the letters of each instance, the oldest first', async () => {
    const { one, other, idsOf } = await start(2);
    one.keep(a, b);
    other.keep(c, d);
    const ids = [a, b, c, d].map(({ id }) => id);

    expect(await idsOf()).toEqual(ids);
    expect(await idsOf({ limit: 3 })).toEqual(ids.slice(0, 3));
    expect(await idsOf({ limit: 2, after: a.id })).toEqual(ids.slice(1, 3));
    expect(await idsOf({ limit: 2, after: b.id })).toEqual(ids.slice(2));
    expect(await idsOf({ after: c.id })).toEqual(ids.slice(3));
    expect(await idsOf({ after: d.id })).toEqual([]);
  });

  it('contains 100 letters by default', async () => {
    const { one, idsOf } = await start();
    for (let n = 0; n < 130; n++) one.keep(letterOf(`${n}`));

    expect(await idsOf()).toHaveLength(100);
    expect(await idsOf({ limit: undefined })).toHaveLength(100);
    expect(await idsOf({ limit: 120 })).toHaveLength(120);
  });

  it('contains the letters that match a filter', async () => {
    const { one, other, idsOf } = await start(2);
    const invalid = letterOfRaw('text');
    const bill = letterOf('a', 'Crm.bill');
    const ofAnna = letterOf('x', 'Crm.save', 'Anna');
    one.keep(a, invalid);
    other.keep(bill, ofAnna);

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

  it('contains a letter once if two instances have one with its id', async () => {
    const { letters, one, other } = await start(2);
    one.keep(a);
    other.keep(a, b);

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
  ])('rejects the limit %o', async (limit, shown) => {
    const { letters } = await start();

    await expect(letters.list({ limit: limit as number })).rejects.toThrow(
      new RangeError(
        `expected \`limit\` to be a whole number from 1, got ${shown}`,
      ),
    );
  });

  it('rejects an `after` that is the id of no letter', async () => {
    const { letters } = await start();

    await expect(letters.list({ after: 'gone' })).rejects.toThrow(
      new XeniooDeadLetterError('there is no dead letter gone'),
    );
  });

  it('lists the next letter if a skipped one is removed meanwhile', async () => {
    const { letters, one, other, idsOf } = await start(2);
    one.keep(a);
    other.keep(a, b);
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

  it('is complete if letters are removed at any moment while it is listed', async () => {
    const { letters, one, other, idsOf } = await start(2);
    one.keep(a);
    other.keep(b, c);

    for (let moment = 0; moment < 30; moment++) {
      const listed = idsOf();
      for (let n = 0; n < moment; n++) await Promise.resolve();
      await letters.remove(c.id);
      expect((await listed).slice(0, 2)).toEqual([a.id, b.id]);
      other.keep(c);
    }
  });

  it('rejects with the error of an inbox that is down', async () => {
    const { letters, one, other } = await start(2);
    one.keep(a);
    other.inbox.deadLetters.list = async () => {
      throw new Error('the disk is broken');
    };

    await expect(letters.list()).rejects.toThrow('the disk is broken');
  });

  it('is empty without instances', async () => {
    const { letters } = await start(0);

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
  'rejects the filter %o, and replays and removes nothing',
  async (filter, message) => {
    const { letters, one } = await start();
    one.keep(a);
    const wrong = filter as XeniooDeadLetterFilter;

    await expect(letters.list(wrong)).rejects.toThrow(message);
    await expect(letters.replayAll(wrong)).rejects.toThrow(message);
    await expect(letters.removeAll(wrong)).rejects.toThrow(message);
    expect(await letters.list()).toEqual([a]);
  },
);

it('removes nothing if a field of the filter is undefined', async () => {
  const { letters, one } = await start();
  one.keep(a);

  await expect(
    letters.removeAll({ conversationId: undefined }),
  ).rejects.toThrow(/every dead letter would be removed/);
  expect(await letters.list()).toEqual([a]);
});

it.each([undefined, '', 7, 'x'.repeat(501)])(
  'finds no letter with the id %s',
  async id => {
    const { letters } = await start();
    const wrong = id as string;

    expect(await letters.get(wrong)).toBeUndefined();
    expect(await letters.remove(wrong)).toBe(false);
    await expect(letters.replay(wrong)).rejects.toThrow(XeniooDeadLetterError);
  },
);

it('finds, replays and removes the letters of every instance', async () => {
  const { letters, one, other } = await start(2);
  one.keep(a, b);
  other.keep(c, d);

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

it('rejects two instances that store their events at one location', async () => {
  class OnDisk extends MemoryInbox {
    constructor(override readonly storageLocation: string) {
      super(
        { maxPending: 1, acknowledgeWithinMs: 0 },
        { concurrency: 1, dedupe: false, acceptTimeoutMs: 0 },
      );
    }
  }
  const { letters } = await start(2);
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

describe('the replay of a letter', () => {
  it('replaces it by a task', async () => {
    const { letters, one } = await start();
    const bill = letterOf('a', 'Crm.bill');
    one.keep(a, bill);

    await letters.replay(bill.id);

    expect(await letters.list()).toEqual([a]);
    await one.inbox.idle();
    expect(one.ran).toEqual([
      { entry: bill.entry, handler: 'Crm.bill', attempts: 0 },
    ]);
  });

  it('adds a task for each event in the text of an invalid entry', async () => {
    const { letters, one } = await start();
    one.keep(letterOfRaw('[{"Type":1,"Data":"a"},{"Type":1,"Data":"b"}]'));

    await letters.replay('invalid');

    expect(await one.replayed()).toEqual(['a', 'b']);
    expect(await letters.list()).toEqual([]);
  });

  it('notifies observers', async () => {
    const { app, letters, one } = await start();
    const seen: unknown[] = [];
    app.get(XeniooObservers).add({ replayed: letter => seen.push(letter) });
    one.keep(a);

    await letters.replay(a.id);

    expect(seen).toEqual([a]);
  });

  it('happens once for concurrent calls', async () => {
    const { letters, one } = await start();
    one.keep(a);

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
  ])('is rejected if %s', async (_why, id, message) => {
    const { letters, one } = await start();
    const kept = [letterOf('x', 'Desk.gone'), letterOfRaw({ Type: 'x' })];
    one.keep(...kept);

    const replay = letters.replay(id);

    await expect(replay).rejects.toThrow(XeniooDeadLetterError);
    await expect(replay).rejects.toThrow(message);
    expect(await letters.list()).toEqual(kept);
    expect(await one.replayed()).toEqual([]);
  });
});

describe('the replay of all letters', () => {
  it('replays the letters that match the filter, each in its instance', async () => {
    const { letters, one, other, idsOf } = await start(2);
    one.keep(a, letterOf('b', 'Crm.bill'));
    other.keep(c, letterOfRaw({ Type: 1, Data: 'd' }));

    expect(await letters.replayAll({ handler: 'Crm.bill' })).toBe(1);
    expect(await one.replayed()).toEqual(['b']);
    expect(await letters.replayAll({ kind: 'invalid' })).toBe(1);
    expect(await other.replayed()).toEqual(['d']);
    expect(await idsOf()).toEqual([a.id, c.id]);
    expect(await letters.replayAll()).toBe(2);
    expect(await one.replayed()).toEqual(['a']);
    expect(await other.replayed()).toEqual(['c']);
  });

  it('skips letters that fail to replay on any page, and logs one warning', async () => {
    const { letters, one, logs } = await start();
    const all = Array.from({ length: 350 }, (_, n) =>
      letterOf(`${n}`, n % 7 === 0 ? 'Desk.gone' : 'Crm.save'),
    );
    one.keep(...all);

    expect(await letters.replayAll()).toBe(300);

    expect(await one.replayed()).toHaveLength(300);
    expect(await letters.list()).toHaveLength(50);
    expect(logs.ofXenioo('warn')).toEqual([
      expect.stringContaining(
        `Replaying dead letters failed (count: 50); they are kept. First error: dead letter ${all[0]!.id} was not replayed: no handler is named Desk.gone. `,
      ),
    ]);
  });

  it('finishes if two instances have kept letters with the same id', async () => {
    const { letters, one, other } = await start(2);
    const stays = letterOf('stays', 'Crm.renamed');
    one.keep(stays);
    other.keep(stays, b);

    expect(await letters.replayAll()).toBe(1);
    expect(await letters.list()).toEqual([stays]);
  });

  it('replays each letter once if all fail again within a millisecond', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const { letters, one } = await start();
    for (let n = 0; n < 250; n++) one.keep(letterOf(`${n}`));
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

  it('replays each letter once for two concurrent calls', async () => {
    const { letters, one } = await start();
    for (let n = 0; n < 250; n++) one.keep(letterOf(`${n}`));

    const counts = await Promise.all([
      letters.replayAll(),
      letters.replayAll(),
    ]);

    expect(counts[0] + counts[1]).toBe(250);
    expect(await one.replayed()).toHaveLength(250);
    expect(await letters.list()).toEqual([]);
  });

  it('continues if a kept letter is removed meanwhile', async () => {
    const { letters, one } = await start();
    const stays = letterOf('stays', 'Desk.gone');
    one.keep(stays);
    for (let n = 0; n < 150; n++) one.keep(letterOf(`${n}`));
    const { deadLetters } = one.inbox;
    const replay = deadLetters.replay.bind(deadLetters);
    deadLetters.replay = async (id, tasks) => {
      await deadLetters.remove(stays.id);
      return replay(id, tasks);
    };

    expect(await letters.replayAll()).toBe(150);
  });

  it('continues if a kept letter is removed at any moment', async () => {
    const { letters, one } = await start();
    const stays = letterOf('stays', 'Desk.gone');

    for (let moment = 0; moment < 12; moment++) {
      one.keep(stays);
      for (let n = 0; n < 110; n++) one.keep(letterOf(`${n}`));
      const replayed = letters.replayAll();
      for (let n = 0; n < 50 * moment; n++) await Promise.resolve();
      await letters.remove(stays.id);

      expect(await replayed).toBe(110);
    }
  });

  it('does not block the event loop', async () => {
    const { letters, one } = await start();
    for (let n = 0; n < 1_000; n++) one.keep(letterOf(`${n}`));
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

  it('rejects with the error of an inbox that is down', async () => {
    const { letters, one } = await start();
    one.keep(a);
    one.inbox.deadLetters.replay = async () => {
      throw new Error('the disk is full');
    };

    await expect(letters.replayAll()).rejects.toThrow('the disk is full');
  });
});

describe('the removal of letters', () => {
  it('removes the letters of one conversation, in every instance and on every page', async () => {
    const { letters, one, other, idsOf } = await start(2);
    const ofAnna = (n: number) => letterOf(`${n}`, 'Crm.save', 'Anna');
    for (let n = 0; n < 150; n++) one.keep(ofAnna(n));
    one.keep(a);
    other.keep(b, ofAnna(0));

    expect(await letters.removeAll({ conversationId: 'Anna' })).toBe(151);
    expect(await idsOf()).toEqual([a.id, b.id]);
    expect(await one.replayed()).toEqual([]);
  });

  it('removes every letter if the filter is empty', async () => {
    const { letters, one, other } = await start(2);
    one.keep(a, b);
    other.keep(c);

    expect(await letters.removeAll({})).toBe(3);
    expect(await letters.list()).toEqual([]);
  });
});
