import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type {
  XeniooHandlerResult,
  XeniooTask,
} from '../../../lib/handlers/xenioo-task.js';
import { deadLetterOf, recordRun } from '../../../lib/inbox/record-run.js';
import { eventOf, invalidOf } from '../../support/entry-of.js';

const entry = eventOf({ Type: 1, Data: 'Hello' });
const carrier = { traceparent: '00-1-2-01' };
const task: XeniooTask = { entry, attempts: 0, carrier };
const error = new Error('CRM is down');

const done: XeniooHandlerResult = {
  handler: 'Crm.save',
  status: 'done',
  attempts: 1,
};
const retry: XeniooHandlerResult = {
  handler: 'Crm.notify',
  status: 'retry',
  attempts: 1,
  retryAt: 1_700_000_000_000,
  error,
};
const failed: XeniooHandlerResult = {
  handler: 'Crm.score',
  status: 'failed',
  attempts: 3,
  error,
};

describe('recordRun()', () => {
  it('records nothing for handlers that are done', () => {
    expect(recordRun(task, [done, done])).toEqual({
      retries: [],
      deadLetters: [],
    });
  });

  it('records nothing for an event that no handler matches', () => {
    expect(recordRun(task, [])).toEqual({ retries: [], deadLetters: [] });
  });

  it('returns a task for each retry with its handler and the carrier of the call', () => {
    const { retries } = recordRun(task, [done, retry]);

    expect(retries).toEqual([
      {
        task: { entry, handler: 'Crm.notify', attempts: 1, carrier },
        dueAt: 1_700_000_000_000,
      },
    ]);
  });

  it('keeps the time since which a handler is missing', () => {
    const missing = { ...retry, attempts: 0, missingSince: 123 };

    const { retries } = recordRun(task, [missing]);

    expect(retries[0]!.task).toMatchObject({ attempts: 0, missingSince: 123 });
  });

  it('removes missingSince once the handler has run', () => {
    const found = { ...task, handler: 'Crm.notify', missingSince: 123 };

    const { retries } = recordRun(found, [retry]);

    expect(retries[0]!.task.missingSince).toBeUndefined();
  });

  it('returns a dead letter for each failure, with the thrown error', () => {
    const before = Date.now();
    const { deadLetters, retries } = recordRun(task, [failed, retry, done]);

    expect(retries).toHaveLength(1);
    expect(deadLetters).toHaveLength(1);
    const [{ letter, error: thrown }] = deadLetters as [
      (typeof deadLetters)[0],
    ];
    expect(thrown).toBe(error);
    expect(letter).toEqual({
      id: `${entry.id}.Crm.score`,
      kind: 'event',
      entry,
      handler: 'Crm.score',
      attempts: 3,
      error: { message: 'CRM is down', stack: error.stack },
      carrier: task.carrier,
      deadLetteredAt: expect.any(Date),
    });
    expect(letter.deadLetteredAt.getTime()).toBeGreaterThanOrEqual(before);
  });

  it('returns a dead letter without a handler for an invalid entry', () => {
    const invalid = invalidOf({ Type: 'x' });

    const { retries, deadLetters } = recordRun(
      { entry: invalid, attempts: 0 },
      [],
    );

    expect(retries).toEqual([]);
    expect(deadLetters).toEqual([
      {
        letter: {
          id: invalid.id,
          kind: 'invalid',
          entry: invalid,
          deadLetteredAt: expect.any(Date),
        },
      },
    ]);
  });

  it('records every result once', () => {
    const anyResult = fc.constantFrom(done, retry, failed);
    fc.assert(
      fc.property(fc.array(anyResult), results => {
        const { retries, deadLetters } = recordRun(task, results);

        const count = (status: string) =>
          results.filter(result => result.status === status).length;
        expect(retries).toHaveLength(count('retry'));
        expect(deadLetters).toHaveLength(count('failed'));
      }),
    );
  });
});

describe('deadLetterOf()', () => {
  it('omits the handler when the process crashed each time the event ran', () => {
    const letter = deadLetterOf(entry, { attempts: 5 });

    expect(letter).toEqual({
      id: entry.id,
      kind: 'event',
      entry,
      attempts: 5,
      deadLetteredAt: expect.any(Date),
    });
    expect(letter).not.toHaveProperty('handler');
    expect(letter).not.toHaveProperty('error');
  });

  it.each<[string, unknown, string]>([
    ['a text', 'no such customer', 'no such customer'],
    ['null', null, 'null'],
    [
      'a bare object',
      Object.create(null),
      'a value without a string representation',
    ],
    ['a number', 42, '42'],
    [
      'a revoked proxy',
      revokedProxy(),
      'a value without a string representation',
    ],
  ])(
    'stores the text of the thrown value when it is %s',
    (_name, thrown, message) => {
      const { error } = deadLetterOf(entry, {
        handler: 'Crm.save',
        error: thrown,
      });

      expect(error).toStrictEqual({ message });
    },
  );

  it('stores an error when a handler threw undefined', () => {
    const failure = { ...failed, error: undefined };

    const { letter } = recordRun(task, [failure]).deadLetters[0]!;

    expect(letter.error).toStrictEqual({ message: 'undefined' });
  });

  it.each<[string, object]>([
    ['a big integer', { stack: 1n }],
    ['a list of frames', { stack: [{}, {}] }],
    ['an object without a text', { stack: Object.create(null) }],
  ])('omits the stack of an error when it is %s', (_name, odd) => {
    const thrown = Object.assign(new Error('odd'), odd);

    const { error } = deadLetterOf(entry, {
      handler: 'Crm.save',
      error: thrown,
    });

    expect(error).toStrictEqual({ message: 'odd' });
  });
});

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
