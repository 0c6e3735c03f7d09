import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidXeniooEntry } from '../../../lib/events/invalid-xenioo.entry.js';
import { parseBody, parseInSteps } from '../../../lib/events/parse-body.js';
import { WIRE_FIELDS } from '../../../lib/events/wire-entry.js';
import { XeniooEvent } from '../../../lib/events/xenioo.events.js';
import documented from '../../fixtures/documented.json' with { type: 'json' };
import everyType from '../../fixtures/every-type.json' with { type: 'json' };
import { createReceipt } from '../../support/entry-of.js';

const parse = (body: string) => [...parseBody(body, createReceipt())];

const textMatching = (pattern: RegExp): string =>
  expect.stringMatching(pattern) as string;

function isEntry(entry: unknown): boolean {
  return entry instanceof XeniooEvent || entry instanceof InvalidXeniooEntry;
}

describe('parseBody()', () => {
  it('accepts one entry or an array of any length', () => {
    const [entry] = documented;

    expect(parse(JSON.stringify(entry))).toHaveLength(1);
    expect(parse(JSON.stringify(documented))).toHaveLength(4);
    expect(parse('[]')).toEqual([]);
  });

  it('skips a byte-order mark', () => {
    expect(parse('\uFEFF{"Type":8}')).toMatchObject([{ type: 8 }]);
  });

  it('ignores white space around the body', () => {
    expect(parse('\r\n [ {"Type":8} ]\n')).toMatchObject([{ type: 8 }]);
  });

  it('reports the index of invalid entries and keeps the valid ones', () => {
    const entries = parse('[{"Type":8}, 5, {"Type":"1"}, {"Type":9}]');

    expect(entries).toMatchObject([
      { type: 8 },
      { reason: 'not-an-event', errors: [expect.stringMatching(/^entry 1: /)] },
      {
        reason: 'invalid-fields',
        errors: [expect.stringMatching(/^entry 2:/)],
      },
      { type: 9 },
    ]);
  });

  it('gives each invalid entry a separate id', () => {
    const ids = parse('[1, 1, 1]').map(({ id }) => id);

    expect(new Set(ids).size).toBe(3);
  });
});

describe('parseBody() of a body that is not JSON', () => {
  it.each([
    ['', 'the body is empty'],
    [' \n', 'the body is empty'],
    ['\uFEFF', 'the body is empty'],
    ['Type=1&Data=Hello', 'the body is not valid JSON'],
    [
      '{"Type":1,"Data":"Hel',
      textMatching(
        /^the body is not valid JSON: it ends too early, after 21 char/,
      ),
    ],
    [
      '{"Type":1 "Data":"x"}',
      textMatching(
        /^the body is not valid JSON: syntax error at character 10 of 21/,
      ),
    ],
    [
      '{"Type":1}{"Type":1}',
      textMatching(
        /^the body is not valid JSON: syntax error at character 10 of 20/,
      ),
    ],
  ])('keeps it as one invalid entry: %o', (body, error) => {
    const [entry, ...others] = parse(body);

    expect(others).toEqual([]);
    expect(entry).toBeInstanceOf(InvalidXeniooEntry);
    expect(entry).toMatchObject({
      reason: 'not-json',
      errors: [error],
      raw: body,
    });
  });

  it('reports no position that the body itself contains', () => {
    expect(parse('at position 3')).toMatchObject([
      { errors: ['the body is not valid JSON'] },
    ]);
  });

  it('does not quote it in the error', () => {
    for (const body of ['Anna', '{"Data": Anna}', '["Anna" "Bob"]', '{"Anna']) {
      expect(parse(body)[0]).toHaveProperty('reason', 'not-json');
      expect(parse(body)[0]).toHaveProperty('errors', [
        expect.not.stringContaining('Anna'),
      ]);
    }
  });
});

describe('parseBody() of several megabytes', () => {
  const deep = `{"Type":1,"city":${'['.repeat(200)}${']'.repeat(200)}}`;
  const ENTRIES = Array.from({ length: 6_000 }, (_, index) =>
    index % 1_000 === 999
      ? ['5', '{"Type":"1"}', deep][Math.floor(index / 1_000) % 3]!
      : JSON.stringify({ Type: 1, Data: `${index} `.repeat(40) }),
  );
  const body = `[${ENTRIES.join(',\n')}]`;

  it('returns each entry at its index', () => {
    const entries = parse(body);

    expect(entries).toHaveLength(ENTRIES.length);
    for (const [index, text] of ENTRIES.entries()) {
      const { raw } = entries[index]!;
      expect(text === deep ? raw : JSON.stringify(raw)).toBe(text);
    }
    expect(
      entries.flatMap(entry =>
        entry instanceof InvalidXeniooEntry ? entry.errors : [],
      ),
    ).toEqual([
      textMatching(/^entry 999: must be an object/),
      textMatching(/^entry 1999: Type must be/),
      textMatching(/^entry 2999: must not be nested deeper/),
      textMatching(/^entry 3999: must be an object/),
      textMatching(/^entry 4999: Type must be/),
      textMatching(/^entry 5999: must not be nested deeper/),
    ]);
  });

  it('yields in steps to keep the event loop responsive', () => {
    const steps = [...parseInSteps(body, createReceipt())];

    expect(steps.length).toBeGreaterThan(ENTRIES.length / 50);
  });

  it('keeps a body that is truncated at its end as one invalid entry', () => {
    const broken = body.slice(0, -1);

    expect(parse(broken)).toMatchObject([
      {
        reason: 'not-json',
        errors: [
          textMatching(/^the body is not valid JSON: it ends too early, after/),
        ],
        raw: broken,
      },
    ]);
  });

  it.each([
    ['an extra comma', (body: string) => `${body.slice(0, -1)},]`],
    ['two commas', (body: string) => body.replace(',\n', ',,')],
    ['a missing comma', (body: string) => body.replace(',\n', '\n')],
    ['an extra bracket', (body: string) => `${body}]`],
    ['another array after it', (body: string) => `${body},[]`],
    ['a bracket in its middle', (body: string) => body.replace(',\n', '],\n[')],
    [
      'a space before it that JSON does not allow',
      (body: string) => `\u00A0${body}`,
    ],
    ['such a space after it', (body: string) => `${body}\u00A0`],
  ])('keeps a body with %s as one invalid entry', (_, breakBody) => {
    const broken = breakBody(body);

    expect(parse(broken)).toMatchObject([{ reason: 'not-json', raw: broken }]);
  });

  it('accepts variables with lists of objects that look like entries', () => {
    const items = Array.from({ length: 60_000 }, (_, Type) => ({ Type }));
    const sent = [{ Type: 1, items }, { Type: 8 }];
    const entries = parse(JSON.stringify(sent));

    expect(entries.map(({ raw }) => raw)).toEqual(sent);
  });
});

describe('parseBody() of more than 20,000 entries', () => {
  const repeatEntry = (entry: string, count: number) =>
    `[${Array.from({ length: count }, () => entry).join(',')}]`;

  it.each([
    ['{}', 20_001],
    ['{}', 3_300_000],
    ['0', 5_000_000],
    ['[]', 3_300_000],
    ['","', 2_500_000],
    [JSON.stringify({ Type: 1, Data: 'Hello there! '.repeat(5) }), 20_001],
  ])('keeps the body as one invalid entry: %s, %i times', (entry, count) => {
    const body = repeatEntry(entry, count);
    const startedAt = process.cpuUsage();
    const entries = parse(body);
    const { user } = process.cpuUsage(startedAt);

    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({
      reason: 'too-many-entries',
      errors: ['the body has more than 20000 entries'],
      bot: 'default',
    });
    expect(entries[0]!.raw === body).toBe(true);
    expect(user / 1_000).toBeLessThan(500);
  });

  it('does not parse the body, even if it is not JSON', () => {
    const body = `[${'{"Type":1,"Data":"Hello there!"},'.repeat(20_000)}`;

    expect(parse(body)).toMatchObject([{ reason: 'too-many-entries' }]);
  });

  it.each([19_999, 20_000])('accepts %i entries', count => {
    const long = JSON.stringify({ Type: 1, Data: 'Hello there! '.repeat(5) });

    for (const entry of ['{"Type":8}', long]) {
      const entries = parse(repeatEntry(entry, count));

      expect(entries).toHaveLength(count);
      expect(entries.every(event => event instanceof XeniooEvent)).toBe(true);
    }
  });

  it('does not count list elements within an entry', () => {
    const entry = { Type: 1, list: Array.from({ length: 300_000 }, () => 0) };

    expect(parse(JSON.stringify([entry, entry]))).toMatchObject([
      { type: 1 },
      { type: 1 },
    ]);
  });
});

describe('parseBody() of an entry that is nested too deeply', () => {
  const deep = `{"Type":1,"city":${'['.repeat(50_000)}"]"${']'.repeat(50_000)}}`;

  it('keeps its text and parses the others', () => {
    expect(parse(`[{"Type":8}, ${deep} ,{"Type":9}]`)).toMatchObject([
      { type: 8 },
      {
        reason: 'invalid-fields',
        errors: ['entry 1: must not be nested deeper than 100 levels'],
        raw: deep,
      },
      { type: 9 },
    ]);
  });

  it('keeps its text when it is the only entry', () => {
    expect(parse(deep)).toMatchObject([{ raw: deep }]);
  });
});

const SYNTAX = ['[', ']', '{', '}', '"', ',', ':', '\\', ' '];

/** Keys that break code which trusts the names in JSON. */
const HOSTILE_NAMES = [
  '__proto__',
  'constructor',
  'then',
  'toString',
  'length',
];

const { value: hostileValue } = fc.letrec(tie => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom(null, true, -0, 1e21, '', 'text', '2019-07-10T15:47:58Z'),
    fc.jsonValue({ maxDepth: 2 }),
    fc.dictionary(fc.constantFrom(...HOSTILE_NAMES), tie('value')),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
}));

const mutatedEntry = fc
  .tuple(
    fc.constantFrom<object>(...documented, ...everyType),
    fc.dictionary(
      fc.oneof(
        fc.constantFrom<string>(...WIRE_FIELDS, ...HOSTILE_NAMES),
        fc.string(),
      ),
      hostileValue,
      { maxKeys: 4 },
    ),
  )
  .map(([entry, mutations]): unknown => ({ ...entry, ...mutations }));

describe('parseBody() of any body', () => {
  it('returns each entry once and in order, as an event or an invalid entry', () => {
    const entries = fc.array(fc.oneof(mutatedEntry, hostileValue));

    fc.assert(
      fc.property(entries, sent => {
        const body = JSON.stringify(sent);
        const entries = parse(body);

        expect(entries.every(isEntry)).toBe(true);
        expect(JSON.stringify(entries.map(({ raw }) => raw))).toBe(body);
      }),
      { numRuns: 500 },
    );
  });

  it('returns a single entry once', () => {
    const alone = fc.oneof(mutatedEntry, fc.jsonValue());

    fc.assert(
      fc.property(
        alone.filter(value => !Array.isArray(value)),
        sent => {
          const entries = parse(JSON.stringify(sent));

          expect(entries).toHaveLength(1);
          expect(entries.every(isEntry)).toBe(true);
          expect(entries[0]!.raw).toEqual(JSON.parse(JSON.stringify(sent)));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('returns a truncated body as one invalid entry', () => {
    fc.assert(
      fc.property(mutatedEntry, fc.nat(), (sent, length) => {
        const whole = JSON.stringify(sent);
        const body = whole.slice(0, length % whole.length);

        expect(parse(body)).toMatchObject([{ reason: 'not-json', raw: body }]);
      }),
      { numRuns: 300 },
    );
  });

  it('never throws', () => {
    const token = fc.constantFrom(...SYNTAX, '\uFEFF', 'null', '1');
    const soup = fc.array(token).map(tokens => tokens.join(''));

    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), soup), body => {
        expect(parse(body).every(isEntry)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
