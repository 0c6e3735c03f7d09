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

/** The letter of an event with this text, on which a handler failed. */
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

/** An inbox with its letters, and the tasks that it ran. */
class Instance {
  readonly ran: XeniooTask[] = [];
  readonly inbox = new MemoryInbox(
    { maxPending: 1, acknowledgeWithinMs: 0 },
    { concurrency: 32, dedupe: false, acceptTimeoutMs: 0 },
  );

  keep(...letters: XeniooDeadLetter[]): void {
    for (const letter of letters) this.inbox.deadLetters.add(letter);
  }

  /** The texts of the events that it ran. */
  async replayed(): Promise<string[]> {
    await this.inbox.idle();
    return this.ran
      .splice(0)
      .map(({ entry: { raw } }) => (raw as { Data: string }).Data);
  }
}

/** An application with so many instances of the module, and two handlers. */
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
  it('lists those of each instance, the oldest first', async () => {
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

  it('has a hundred letters unless the query says how many', async () => {
    const { one, idsOf } = await start();
    for (let n = 0; n < 130; n++) one.keep(letterOf(`${n}`));

    expect(await idsOf()).toHaveLength(100);
    expect(await idsOf({ limit: undefined })).toHaveLength(100);
    expect(await idsOf({ limit: 120 })).toHaveLength(120);
  });

  it('has the letters that fit a filter', async () => {
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

  it('has a letter once that two instances have', async () => {
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
  ])('can’t have %o as its limit', async (limit, shown) => {
    const { letters } = await start();

    await expect(letters.list({ limit: limit as number })).rejects.toThrow(
      new RangeError(
        `expected \`limit\` to be a whole number from 1, got ${shown}`,
      ),
    );
  });

  it('can’t begin after a letter that does not exist', async () => {
    const { letters } = await start();

    await expect(letters.list({ after: 'gone' })).rejects.toThrow(
      new XeniooDeadLetterError('there is no dead letter gone'),
    );
  });

  it('goes on though a letter that it does not show is removed meanwhile', async () => {
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

  it('is listed at whatever moment others remove letters', async () => {
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

it('removes nothing where a field of the filter is undefined', async () => {
  const { letters, one } = await start();
  one.keep(a);

  await expect(
    letters.removeAll({ conversationId: undefined }),
  ).rejects.toThrow(/it would remove every letter/);
  expect(await letters.list()).toEqual([a]);
});

it.each([undefined, '', 7, 'x'.repeat(501)])(
  'has no letter of the id %s',
  async id => {
    const { letters } = await start();
    const wrong = id as string;

    expect(await letters.get(wrong)).toBeUndefined();
    expect(await letters.remove(wrong)).toBe(false);
    await expect(letters.replay(wrong)).rejects.toThrow(XeniooDeadLetterError);
  },
);

it('finds, replays and removes a letter in whatever instance it is', async () => {
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

it('stops the boot where two instances store their events at one location', async () => {
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
  it('makes a task of it, and the letter is gone', async () => {
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

  it('makes a task of each event that its text holds', async () => {
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

  it('happens once, however often it is asked for at once', async () => {
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
    ['there is no such letter', 'gone', /^there is no dead letter gone$/],
    [
      'its handler does not exist any more',
      letterOf('x', 'Desk.gone').id,
      / stays: no handler is named Desk\.gone/,
    ],
    ['it is still invalid', 'invalid', / stays: the entry is still invalid/],
  ])('is rejected where %s', async (_why, id, message) => {
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
  it('replays those that fit the filter, each in its instance', async () => {
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

  it('passes over letters that can’t be replayed, on any page, with one line', async () => {
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
        `50 dead letters could not be replayed and stay; the first: dead letter ${all[0]!.id} stays: no handler is named Desk.gone. `,
      ),
    ]);
  });

  it('ends where two instances have letters of one id that stay', async () => {
    const { letters, one, other } = await start(2);
    const stays = letterOf('stays', 'Crm.renamed');
    one.keep(stays);
    other.keep(stays, b);

    expect(await letters.replayAll()).toBe(1);
    expect(await letters.list()).toEqual([stays]);
  });

  it('replays each once, though all fail again within the same millisecond', async () => {
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

  it('replays each once, though it is called twice at once', async () => {
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

  it('goes on though a letter that stays is removed meanwhile', async () => {
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

  it('goes on at whatever moment a letter that stays is removed', async () => {
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

  it('lets the event loop turn', async () => {
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
  it('removes those of one conversation, in every instance and on every page', async () => {
    const { letters, one, other, idsOf } = await start(2);
    const ofAnna = (n: number) => letterOf(`${n}`, 'Crm.save', 'Anna');
    for (let n = 0; n < 150; n++) one.keep(ofAnna(n));
    one.keep(a);
    other.keep(b, ofAnna(0));

    expect(await letters.removeAll({ conversationId: 'Anna' })).toBe(151);
    expect(await idsOf()).toEqual([a.id, b.id]);
    expect(await one.replayed()).toEqual([]);
  });

  it('removes every letter where the filter is empty', async () => {
    const { letters, one, other } = await start(2);
    one.keep(a, b);
    other.keep(c);

    expect(await letters.removeAll({})).toBe(3);
    expect(await letters.list()).toEqual([]);
  });
});
