import { createXeniooEntry } from 'nestjs-xenioo/testing';
import type { SeededRandom } from '../../lib/simulator/seeded-random.js';

type Entry = Record<string, unknown>;

const { malformed: _, unknown, ...documented } = createXeniooEntry({ seed: 1 });
const REAL: readonly Entry[] = [
  ...Object.values(documented).map(make => make({ BotToken: 'b0t-t0ken' })),
  unknown({ Type: 14, ItemSubType: 'Plain' }),
  unknown({ Type: 4_294_967_296 }),
];

const FIELDS = [...new Set(REAL.flatMap(entry => Object.keys(entry)))];
const HOSTILE_KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'toJSON',
  'valueOf',
  'hasOwnProperty',
  'then',
  'length',
  'id',
  'bot',
  'raw',
  'variables',
  'receivedAt',
  'typeName',
  '',
  ' ',
  'type',
  'TYPE',
  'a.b',
  '$where',
  '0',
  '\u0000',
  '\ud800',
  'Ключ',
];
const DATES = [
  '2024-02-30T00:00:00Z',
  '2009-W01-1',
  '20190710T154758Z',
  '275760-09-14T00:00:00Z',
  '2019-07-10T15:47:58',
  '2019-07-10',
  '0000-00-00T00:00:00Z',
  '9999-12-31T23:59:59.9999999+14:00',
  '+275760-09-13T00:00:00.000Z',
  '2019-07-10T15:47:58.5750058+99:99',
  `2019-07-10T15:47:58.${'5'.repeat(60)}Z`,
  'yesterday',
  '',
];
const STRINGS = [
  '',
  ' ',
  'null',
  '\u0000\u0001\u001f',
  '\ud800',
  'a\udc00b',
  '👩‍👩‍👧‍👦',
  '\u202eright to left',
  '\u2028\u2029',
  '\ufeff',
  'ﷺ'.repeat(40),
  "'; DROP TABLE events; --",
  '${7*7}{{7*7}}',
  '%s%n%d%j%o',
  '\u001b[2J',
  'x'.repeat(5_000),
];
const NUMBERS = [
  0,
  -0,
  -1,
  1.5,
  14,
  2 ** 31,
  2 ** 53 - 1,
  2 ** 53,
  1e21,
  1e308,
  5e-324,
  -1e308,
];

/** Returns a value that a field may hold by mistake. */
export function hostileValue(random: SeededRandom, depth = 0): unknown {
  switch (random.below(depth > 3 ? 5 : 7)) {
    case 0:
      return random.pick(STRINGS);
    case 1:
      return random.pick(NUMBERS);
    case 2:
      return random.pick([true, false, null]);
    case 3:
      return random.pick(DATES);
    case 4:
      return String(random.pick(NUMBERS));
    case 5:
      return Array.from({ length: random.below(4) }, () =>
        hostileValue(random, depth + 1),
      );
    default:
      return withKey(
        {},
        random.pick(HOSTILE_KEYS),
        hostileValue(random, depth + 1),
      );
  }
}

/** Returns an entry of Xenioo with some changes or none. */
export function mutatedEntry(random: SeededRandom): unknown {
  if (random.chance(1 / 25)) return hostileValue(random);
  let entry: Entry = { ...random.pick(REAL) };
  if ('Data' in entry) entry['Data'] = `message ${random.below(2 ** 31)}`;
  if (random.chance(1 / 2)) return entry;
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    entry = mutated(entry, random);
  }
  return entry;
}

function mutated(entry: Entry, random: SeededRandom): Entry {
  const field = random.pick(FIELDS);
  switch (random.below(6)) {
    case 0: {
      const { [field]: _, ...rest } = entry;
      return rest;
    }
    case 1:
      return { ...entry, [field]: null };
    case 2:
      return { ...entry, Type: random.pick(NUMBERS) };
    case 3:
      return { ...entry, Date: random.pick(DATES) };
    case 4:
      return withKey(entry, random.pick(HOSTILE_KEYS), hostileValue(random));
    default:
      return { ...entry, [field]: hostileValue(random) };
  }
}

/** Defines the key, because an assignment to `__proto__` would create none. */
function withKey(entry: Entry, key: string, value: unknown): Entry {
  return Object.defineProperty({ ...entry }, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}
