import { Test } from '@nestjs/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { InvalidXeniooEntry } from '../../../lib/events/invalid-xenioo.entry.js';
import type { XeniooEntry } from '../../../lib/events/parse-entry.js';
import { OnXenioo } from '../../../lib/handlers/on-xenioo.decorator.js';
import { XeniooHandlerFailure } from '../../../lib/handlers/xenioo-handler.failure.js';
import {
  onlyOf,
  type XeniooAttempt,
  type XeniooSettlement,
} from '../../../lib/handlers/xenioo.dispatch.js';
import {
  letterOfFailures,
  letterOfInvalid,
  type XeniooDeadLetter,
} from '../../../lib/inbox/dead-letter.js';
import { MemoryInbox } from '../../../lib/memory/memory.inbox.js';
import { XeniooInboxModule } from '../../../lib/inbox/xenioo-inbox.module.js';
import type {
  XeniooDeadLetterQuery,
  XeniooReplay,
} from '../../../lib/inbox/xenioo.dead-letter-store.js';
import { XeniooDeadLetters } from '../../../lib/inbox/xenioo.dead-letters.js';
import { XeniooInboxRegistry } from '../../../lib/inbox/xenioo.inbox-registry.js';
import {
  XeniooDeadLetterError,
  XeniooOptionsError,
} from '../../../lib/xenioo.errors.js';
import type { XeniooBotSettings } from '../../../lib/options/xenioo.options.js';
import { LogRecorder } from '../../support/log-recorder.js';
import { eventOf, invalidOf } from '../../support/receipt.js';
import { settlement } from '../../support/settlement.js';

class Crm {
  @OnXenioo()
  save(): void {}

  @OnXenioo()
  bill(): void {}
}

const down = new Error('CRM is down');

/** The letter of an event with this text, on which these handlers gave up. */
function letterOf(
  text: string,
  handlers: readonly string[] = ['Crm.save'],
): XeniooDeadLetter {
  const event = eventOf({ Type: 1, Data: text, Date: '2024-05-01T12:00:00Z' });
  return {
    ...letterOfFailures(
      event,
      handlers.map(name => new XeniooHandlerFailure(event, name, down, 3)),
    ),
    deadLetteredAt: new Date('2024-05-01T12:00:01Z'),
  };
}

function letterOfRaw(
  raw: unknown,
  reason: InvalidXeniooEntry['reason'] = 'invalid-fields',
  bot = 'support',
): XeniooDeadLetter {
  const at = new Date('2024-05-01T12:00:00Z');
  return letterOfInvalid(
    new InvalidXeniooEntry(`id of ${bot}`, reason, ['?'], raw, bot, at),
  );
}

/** An inbox whose handlers do what the test says, and the letters in it. */
class Instance {
  readonly dispatched: [XeniooEntry, XeniooAttempt][] = [];
  settle: (entry: XeniooEntry) => XeniooSettlement = () => settlement();
  bots: XeniooBotSettings[] = [{ name: 'support', secrets: [] }];

  readonly inbox = new MemoryInbox({
    concurrency: 32,
    dedupe: { ttlSeconds: 60, maxIds: 100 },
    acknowledgeWithinMs: 0,
    maxPending: 100,
    acceptTimeoutMs: 0,
  });

  async keep(...letters: XeniooDeadLetter[]): Promise<void> {
    for (const letter of letters) this.inbox.deadLetters.add(letter);
  }

  async start(): Promise<void> {
    await this.inbox.start(async (entry, attempt) => {
      this.dispatched.push([entry, attempt!]);
      return this.settle(entry);
    });
  }

  /** What the handlers got, once all of it is handled. */
  async handled(): Promise<string[]> {
    await this.inbox.idle();
    return this.dispatched
      .splice(0)
      .map(([{ raw }]) => (raw as { Data: string }).Data);
  }
}

/** An application with so many instances of the module, and a handler. */
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
  const registry = app.get(XeniooInboxRegistry);
  const instances = Array.from({ length: count }, () => new Instance());
  for (const instance of instances) {
    await instance.start();
    registry.register(instance.inbox, name =>
      instance.bots.find(bot => bot.name === name),
    );
  }
  logs.lines.splice(0);
  const idsOf = async (query?: XeniooDeadLetterQuery) =>
    (await registry.list(query)).map(({ id }) => id);
  const [one, other] = instances as [Instance, Instance];
  return { app, logs, registry, one, other, idsOf };
}

it('is what the application asks for its dead letters', async () => {
  const { app, registry } = await start();

  expect(app.get(XeniooDeadLetters)).toBe(registry);
});

describe('two instances', () => {
  class OnDisk extends MemoryInbox {
    override readonly place: string;

    constructor(place: string) {
      super({
        concurrency: 1,
        dedupe: false,
        acknowledgeWithinMs: 0,
        maxPending: 1,
        acceptTimeoutMs: 0,
      });
      this.place = place;
    }
  }

  it('can’t keep their events at one place', async () => {
    const { registry } = await start(2);
    registry.register(new OnDisk('/data/one'), () => undefined);
    registry.register(new OnDisk('/data/other'), () => undefined);

    expect(() =>
      registry.register(new OnDisk('/data/one'), () => undefined),
    ).toThrow(
      new XeniooOptionsError([
        'two instances of XeniooModule keep their events at /data/one: give each a place of its own',
      ]),
    );
  });

  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(text => letterOf(text)) as [
    XeniooDeadLetter,
    XeniooDeadLetter,
    XeniooDeadLetter,
    XeniooDeadLetter,
  ];

  it('have their letters in one list, a page at a time', async () => {
    const { one, other, idsOf } = await start(2);
    await one.keep(a, b);
    await other.keep(c, d);
    const ids = [a, b, c, d].map(({ id }) => id);

    expect(await idsOf()).toEqual(ids);
    expect(await idsOf({ limit: 3 })).toEqual(ids.slice(0, 3));
    expect(await idsOf({ limit: 2, after: a.id })).toEqual(ids.slice(1, 3));
    expect(await idsOf({ limit: 2, after: b.id })).toEqual(ids.slice(2));
    expect(await idsOf({ after: c.id })).toEqual(ids.slice(3));
    expect(await idsOf({ after: d.id })).toEqual([]);
  });

  it('are asked for those that are meant', async () => {
    const { one, other, idsOf } = await start(2);
    const invalid = letterOfRaw('text');
    const bill = letterOf('x', ['Crm.bill']);
    await one.keep(a, invalid);
    await other.keep(bill);

    expect(await idsOf({ kind: 'invalid' })).toEqual([invalid.id]);
    expect(await idsOf({ handler: 'Crm.bill' })).toEqual([bill.id]);
    expect(await idsOf({ kind: 'event', after: a.id })).toEqual([bill.id]);
  });

  it('have their letters got, replayed and removed wherever they are', async () => {
    const { registry, one, other } = await start(2);
    await one.keep(a, b);
    await other.keep(c, d);

    expect(await registry.get(a.id)).toEqual(a);
    expect(await registry.get(d.id)).toEqual(d);
    expect(await registry.get('gone')).toBeUndefined();
    expect(await registry.remove(b.id)).toBe(true);
    expect(await registry.remove(d.id)).toBe(true);
    expect(await registry.remove(d.id)).toBe(false);
    await registry.replay(c.id);

    expect(await one.handled()).toEqual([]);
    expect(await other.handled()).toEqual(['c']);
    expect(await registry.list()).toEqual([a]);
  });

  it('replay every letter, each its own', async () => {
    const { registry, one, other } = await start(2);
    await one.keep(a, b);
    await other.keep(c, d);

    expect(await registry.replayAll()).toBe(4);

    expect(await one.handled()).toEqual(['a', 'b']);
    expect(await other.handled()).toEqual(['c', 'd']);
  });

  it('may have got one event both: one id is one letter, and the other shows when it is gone', async () => {
    const { registry, one, other } = await start(2);
    await one.keep(a);
    await other.keep(a);

    expect(await registry.list()).toEqual([a]);
    await registry.replay(a.id);
    expect(await one.handled()).toEqual(['a']);
    expect(await other.handled()).toEqual([]);
    expect(await registry.list()).toEqual([a]);
    expect(await registry.replayAll()).toBe(1);
    expect(await registry.list()).toEqual([]);
  });

  it('may have letters of one id that stay: a replay of all comes to its end', async () => {
    const { registry, one, other } = await start(2);
    const stays = letterOf('stays', ['Crm.renamed']);
    await one.keep(stays);
    await other.keep(stays, b);
    let lists = 0;
    const { deadLetters } = other.inbox;
    const list = deadLetters.list.bind(deadLetters);
    deadLetters.list = async query => {
      if (++lists > 20) throw new Error('asked again and again');
      return list(query);
    };

    expect(await registry.replayAll()).toBe(1);
    expect(await registry.list()).toEqual([stays]);
  });
});

describe('a list', () => {
  it.each([
    [0, '0'],
    [-1, '-1'],
    [1.5, '1.5'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    ['10', '"10"'],
    [null, 'null'],
  ])('can’t have %o for its limit', async (limit, shown) => {
    const { registry } = await start();

    await expect(registry.list({ limit: limit as number })).rejects.toThrow(
      new RangeError(
        `expected \`limit\` to be a whole number from 1, got ${shown}`,
      ),
    );
  });

  it.each([
    [{ handlr: 'Crm.save' }, /`handlr` is not an option here/],
    [{ kind: 'foo' }, /`kind` to be 'event' or 'invalid', got "foo"/],
  ])('can’t be asked for %o, nor a replay of all', async (filter, message) => {
    const { registry } = await start();

    await expect(registry.list(filter as object)).rejects.toThrow(message);
    await expect(registry.replayAll(filter as object)).rejects.toThrow(message);
  });

  it('has a hundred letters where nobody says how many', async () => {
    const { registry, one, idsOf } = await start();
    for (let n = 0; n < 130; n++) await one.keep(letterOf(`${n}`));

    expect(await registry.list()).toHaveLength(100);
    expect(await idsOf({ limit: undefined })).toHaveLength(100);
    expect(await idsOf({ limit: 120 })).toHaveLength(120);
  });

  it('can’t begin after a letter that nobody has', async () => {
    const { registry } = await start();

    await expect(registry.list({ after: 'gone' })).rejects.toThrow(
      new XeniooDeadLetterError('there is no dead letter gone'),
    );
  });

  it.each([1, 2])(
    'is given though others remove letters meanwhile (of %i instances)',
    async instances => {
      const { registry, one, idsOf } = await start(instances);
      const letters = ['a', 'b', 'c'].map(text => letterOf(text));
      await one.keep(...letters);
      const [a, , c] = letters.map(({ id }) => id);

      for (let turn = 0; turn < 30; turn++) {
        const listed = idsOf();
        for (let n = 0; n < turn; n++) await Promise.resolve();
        await registry.remove(c!);
        expect((await listed)[0]).toBe(a);
        await one.keep(letters[2]!);
      }
    },
  );

  it('has what follows, though others remove what is hidden meanwhile', async () => {
    const { registry, one, other, idsOf } = await start(2);
    const [a, b] = [letterOf('a'), letterOf('b')];
    await one.keep(a);
    await other.keep(a, b);
    const { deadLetters } = other.inbox;
    const list = deadLetters.list.bind(deadLetters);
    deadLetters.list = async query => {
      const page = await list(query);
      await deadLetters.remove(a.id);
      return page;
    };

    expect(await idsOf({ limit: 1, after: a.id })).toEqual([b.id]);
    expect(await registry.get(b.id)).toEqual(b);
  });

  it('tells of an inbox that is down, on whatever page', async () => {
    const { registry, one, other } = await start(2);
    const letter = letterOf('a');
    await one.keep(letter);
    await other.keep(letter);
    const { deadLetters } = other.inbox;
    const list = deadLetters.list.bind(deadLetters);
    deadLetters.list = async query => {
      if (query?.after !== undefined) throw new Error('the disk is broken');
      return list(query);
    };

    await expect(registry.list()).rejects.toThrow('the disk is broken');
  });

  it('is empty where no instance is there', async () => {
    const { registry } = await start(0);

    expect(await registry.list()).toEqual([]);
    expect(await registry.replayAll()).toBe(0);
  });
});

describe('the replay of an event', () => {
  it('runs the handlers that gave up, and the letter is gone', async () => {
    const { registry, one } = await start();
    const letter = letterOf('a', ['Crm.save', 'Crm.bill']);
    await one.keep(letter);

    await registry.replay(letter.id);

    expect(await registry.get(letter.id)).toBeUndefined();
    await one.inbox.idle();
    expect(one.dispatched).toEqual([
      [
        letter.entry,
        { progress: onlyOf(['Crm.save', 'Crm.bill']), isLast: false },
      ],
    ]);
  });

  it('is none where there is no such letter', async () => {
    const { registry } = await start();

    await expect(registry.replay('gone')).rejects.toThrow(
      new XeniooDeadLetterError('there is no dead letter gone'),
    );
  });

  it('happens once, however many ask for it at once', async () => {
    const { registry, one } = await start();
    const letter = letterOf('a');
    await one.keep(letter);

    const all = await Promise.allSettled(
      [1, 2, 3].map(() => registry.replay(letter.id)),
    );

    expect(all.map(({ status }) => status).toSorted()).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
    ]);
    expect(await one.handled()).toEqual(['a']);
  });

  it('leaves the letter of a handler that does not exist any more, and says so', async () => {
    const { registry, one } = await start();
    const letter = letterOf('a', ['Crm.renamed', 'Desk.gone']);
    await one.keep(letter);

    await expect(registry.replay(letter.id)).rejects.toThrow(
      new XeniooDeadLetterError(
        `dead letter ${letter.id} stays for Crm.renamed, Desk.gone: no handler has this name any more. Was it renamed? Its option \`name\` keeps the old name`,
      ),
    );
    expect(await registry.list()).toEqual([letter]);
    expect(await one.handled()).toEqual([]);
  });

  it('runs those that exist, and leaves the letter for the others', async () => {
    const { registry, one, logs } = await start();
    const letter = letterOf('a', ['Crm.renamed', 'Crm.save']);
    await one.keep(letter);

    await registry.replay(letter.id);

    await one.inbox.idle();
    expect(one.dispatched).toEqual([
      [letter.entry, { progress: onlyOf(['Crm.save']), isLast: false }],
    ]);
    expect(await registry.list()).toEqual([
      { ...letter, failures: letter.failures.slice(0, 1) },
    ]);
    expect(logs.ofXenioo('warn')).toEqual([
      expect.stringMatching(/ stays for Crm\.renamed: no handler has this/),
    ]);
  });
});

describe('the replay of an invalid entry', () => {
  it('makes an event of what can be understood now, for every handler', async () => {
    const { registry, one } = await start();
    const letter = letterOfRaw({ Type: 1, Data: 'a' });
    await one.keep(letter);

    await registry.replay(letter.id);

    expect(await registry.list()).toEqual([]);
    await one.inbox.idle();
    expect(one.dispatched).toMatchObject([
      [
        { id: letter.id, typeName: 'user-message', bot: 'support', text: 'a' },
        { progress: undefined },
      ],
    ]);
  });

  it('makes as many as its text has', async () => {
    const { registry, one } = await start();
    const text = '[{"Type":1,"Data":"a"},{"Type":1,"Data":"b"}]';
    await one.keep(letterOfRaw(text, 'not-json'));

    expect(await registry.replayAll()).toBe(1);

    expect(await one.handled()).toEqual(['a', 'b']);
  });

  it('is past dedupe, though a twin was taken', async () => {
    const { registry, one } = await start();
    const wire = { Type: 1, Data: 'a', Date: '2024-05-01T12:00:00Z' };
    await one.inbox.accept({ entries: [eventOf(wire)] });
    await one.handled();
    await one.keep(letterOfRaw(wire));

    await registry.replayAll();

    expect(await one.handled()).toEqual(['a']);
  });

  it('leaves what is still not understood, and says why', async () => {
    const { registry, one } = await start();
    const letter = letterOfRaw({ Type: 7, Date: 'x' });
    await one.keep(letter);

    await expect(registry.replay(letter.id)).rejects.toThrow(
      new XeniooDeadLetterError(
        `dead letter ${letter.id} stays, it is still not understood: entry 0: Text must be a string, got nothing; entry 0: Date must be a date in ISO 8601 that exists, got a string`,
      ),
    );
    expect(await registry.list()).toEqual([letter]);
  });

  it('leaves all of a text of which one entry is not understood', async () => {
    const { registry, one } = await start();
    const letter = letterOfRaw('[{"Type":1},{"Type":"x"}]', 'not-json');
    await one.keep(letter);

    await expect(registry.replay(letter.id)).rejects.toThrow(
      'entry 1: Type must be a whole number',
    );
    expect(await registry.list()).toEqual([letter]);
    expect(await one.handled()).toEqual([]);
  });

  it('asks for the token that the bot has now', async () => {
    const { registry, one } = await start();
    const token = { name: 'support', token: 'old' };
    const foreign = letterOfInvalid(
      invalidOf({ Type: 1, Data: 'a', BotToken: 'new' }, token),
    );
    await one.keep(foreign);
    one.bots = [{ ...token, secrets: [] }];
    await expect(registry.replay(foreign.id)).rejects.toThrow(
      'BotToken is not',
    );

    one.bots = [{ ...token, token: 'new', secrets: [] }];
    await registry.replay(foreign.id);

    expect(await one.handled()).toEqual(['a']);
  });

  it('leaves that of a bot that is gone, and says so', async () => {
    const { registry, one } = await start();
    const letter = letterOfRaw({ Type: 1 }, 'invalid-fields', 'closed shop');
    await one.keep(letter);

    await expect(registry.replay(letter.id)).rejects.toThrow(
      new XeniooDeadLetterError(
        `dead letter ${letter.id} stays: no bot is called closed shop any more`,
      ),
    );
    expect(await registry.list()).toEqual([letter]);
  });
});

describe('the replay of all', () => {
  it('is of those that are meant alone', async () => {
    const { registry, one, idsOf } = await start();
    const [a, b] = [letterOf('a'), letterOf('b', ['Crm.bill'])];
    const invalid = letterOfRaw({ Type: 1, Data: 'c' });
    await one.keep(a, b, invalid);

    expect(await registry.replayAll({ handler: 'Crm.bill' })).toBe(1);
    expect(await one.handled()).toEqual(['b']);
    expect(await registry.replayAll({ kind: 'invalid' })).toBe(1);
    expect(await one.handled()).toEqual(['c']);
    expect(await idsOf()).toEqual([a.id]);
  });

  it('passes over what can’t be replayed, on any page, with one line', async () => {
    const { registry, one, logs } = await start();
    const letters = Array.from({ length: 350 }, (_, n) =>
      letterOf(`${n}`, [n % 7 === 0 ? 'Desk.gone' : 'Crm.save']),
    );
    await one.keep(...letters);

    expect(await registry.replayAll()).toBe(300);

    expect(await one.handled()).toHaveLength(300);
    expect(await registry.list()).toHaveLength(50);
    expect(logs.ofXenioo('warn')).toEqual([
      `50 dead letters can't be replayed and stay; the first: dead letter ${letters[0]!.id} stays for Desk.gone: no handler has this name any more. Was it renamed? Its option \`name\` keeps the old name`,
    ]);
  });

  it('comes to its end where all fail again at once, in the same millisecond', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const { registry, one } = await start();
    const letters = Array.from({ length: 250 }, (_, n) => letterOf(`${n}`));
    await one.keep(...letters);
    const { deadLetters } = one.inbox;
    let replays = 0;
    // An inbox whose handlers fail while the next letter is being replayed.
    const replay = deadLetters.replay.bind(deadLetters);
    deadLetters.replay = async (id: string, what: XeniooReplay) => {
      replays++;
      const letter = deadLetters.find(id)!;
      const isThere = await replay(id, what);
      await new Promise(setImmediate);
      deadLetters.add({ ...letter, deadLetteredAt: new Date() });
      return isThere;
    };

    expect(await registry.replayAll()).toBe(250);

    expect(replays).toBe(250);
    expect(await registry.list({ limit: 1_000 })).toHaveLength(250);
  });

  it('may be asked for twice at once: each letter is replayed once', async () => {
    const { registry, one } = await start();
    for (let n = 0; n < 250; n++) await one.keep(letterOf(`${n}`));

    const counts = await Promise.all([
      registry.replayAll(),
      registry.replayAll(),
    ]);

    expect(counts[0] + counts[1]).toBe(250);
    expect(await one.handled()).toHaveLength(250);
    expect(await registry.list()).toEqual([]);
  });

  it('goes on though a letter that stays is removed meanwhile', async () => {
    const { registry, one } = await start();
    const stays = letterOf('stays', ['Desk.gone']);
    await one.keep(stays);
    for (let n = 0; n < 150; n++) await one.keep(letterOf(`${n}`));
    const { deadLetters } = one.inbox;
    const replay = deadLetters.replay.bind(deadLetters);
    deadLetters.replay = async (id: string, what: XeniooReplay) => {
      await deadLetters.remove(stays.id);
      return replay(id, what);
    };

    expect(await registry.replayAll()).toBe(150);
  });

  it('tells of an inbox that is down, and does not take it for a letter that stays', async () => {
    const { registry, one } = await start();
    await one.keep(letterOf('a'));
    one.inbox.deadLetters.replay = async () => {
      throw new Error('the disk is full');
    };

    await expect(registry.replayAll()).rejects.toThrow('the disk is full');
  });

  it('leaves other work its turn', async () => {
    const { registry, one } = await start();
    for (let n = 0; n < 3_000; n++) await one.keep(letterOf(`${n}`));
    let turns = 0;
    let hasEnded = false;
    const count = () => {
      turns++;
      if (!hasEnded) setImmediate(count);
    };
    setImmediate(count);

    await registry.replayAll();
    hasEnded = true;

    expect(turns).toBeGreaterThan(10);
  });
});
