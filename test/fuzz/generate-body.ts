import { isUtf8 } from 'node:buffer';
import {
  brotliCompressSync,
  constants,
  deflateRawSync,
  deflateSync,
  gzipSync,
} from 'node:zlib';
import { SeededRandom } from '../../lib/simulator/seeded-random.js';
import { hostileValue, mutatedEntry } from './generate-entry.js';

export interface GeneratedBody {
  /** Kind of the body, for the analysis of a failure. */
  readonly kind: string;
  readonly bytes: Buffer;
  /** Bytes after decoding; unchanged if the encoding is broken. */
  readonly decoded: Buffer;
  readonly headers: Record<string, string>;
  readonly isChunked: boolean;
}

const CONTENT_TYPES = [
  'application/json',
  'application/json',
  'application/json; charset=utf-8',
  'application/json; charset=utf-16',
  'application/json; charset=utf-16be',
  'application/json; charset="iso-8859-1"',
  'text/plain;charset=windows-1252',
  'application/json; charset=nonsense',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'text/plain',
  'nonsense',
  '',
  undefined,
];

/** Body limit of the webhook, which counts decompressed bytes. */
const LIMIT_BYTES = 10 * 2 ** 20;
const BOMB_BYTES = 2 * 2 ** 20;

type Make = (random: SeededRandom) => string | Buffer;
/** Functions that make a body, and their weights. */
const MAKERS: Record<string, readonly [weight: number, make: Make]> = {
  'an entry': [200, random => stringify(mutatedEntry(random))],
  entries: [200, random => stringify(entries(random, 20))],
  'a value': [40, random => stringify(hostileValue(random))],
  'values in an array': [
    40,
    random => stringify(Array.from({ length: 3 }, () => hostileValue(random))),
  ],
  'nothing or nearly': [
    20,
    random =>
      random.pick(['', ' ', '\n', '[]', '{}', '[[]]', '[{}]', '[,]', '"']),
  ],
  'deep nesting': [20, deepNesting],
  'huge numbers': [40, hugeNumbers],
  'duplicate keys': [40, duplicateKeys],
  'prototype keys': [40, prototypeKeys],
  'lone surrogates': [40, loneSurrogates],
  'broken UTF-8': [60, brokenUtf8],
  truncated: [60, truncated],
  'flipped bits': [60, flippedBits],
  'byte-order marks': [40, byteOrderMarks],
  'another charset': [60, otherCharset],
  'random bytes': [30, random => random.bytes(random.below(2_000))],
  'control characters': [30, random => `${text(random)}\u0000${text(random)}`],
  'JSON with more behind it': [30, random => `${text(random)}${text(random)}`],
  'what only JavaScript takes': [
    20,
    random =>
      random.pick([
        "{'Type':1}",
        '{Type:1}',
        '[1,]',
        '{"Type":1,}',
        '{"Type":NaN}',
        '{"Type":0x1}',
        '{"Type":+1}',
        '{"Type":01}',
        '/**/[]',
        'undefined',
      ]),
  ],
  'a string of 1 MB': [2, megabyte],
  'thousands of entries': [
    2,
    random => `[${'{"Type":1},'.repeat(random.below(5_000))}{"Type":8}]`,
  ],
  'thousands of keys': [2, manyKeys],
  'as large as the limit': [2, asLargeAsTheLimit],
};

const WEIGHTED = Object.entries(MAKERS).flatMap(([kind, [weight, make]]) =>
  Array.from({ length: weight }, () => ({ kind, make })),
);

/** Returns the body with this number for this seed; the same in each run. */
export function generateBody(seed: number, index: number): GeneratedBody {
  const random = new SeededRandom(seed, index);
  const { kind, make } = random.pick(WEIGHTED);
  const plain = Buffer.from(make(random));
  const contentType = random.pick(CONTENT_TYPES);
  const { encoding, bytes, decoded = plain } = encode(plain, random);
  return {
    kind: encoding === undefined ? kind : `${kind}, ${encoding}`,
    bytes,
    decoded,
    headers: {
      ...(contentType !== undefined && { 'content-type': contentType }),
      ...(encoding !== undefined && { 'content-encoding': encoding }),
    },
    isChunked: random.chance(1 / 4),
  };
}

interface Encoded {
  /** Value of the header, which is not sent if absent. */
  readonly encoding?: string;
  readonly bytes: Buffer;
  /** Decoded bytes if they differ from the plain ones. */
  readonly decoded?: Buffer;
}

function encode(plain: Buffer, random: SeededRandom): Encoded {
  // A large body is nearly always a small one that is decompressed.
  switch (random.below(plain.length > BOMB_BYTES ? 8 : 24)) {
    case 0:
      return {
        encoding: random.pick(['gzip', 'x-gzip', 'GZIP', 'identity, gzip']),
        bytes: gzipSync(plain),
      };
    case 1:
      return { encoding: 'deflate', bytes: deflateSync(plain) };
    case 2: {
      // Some senders omit the zlib header. Bytes of text are not valid deflate.
      const bytes = deflateRawSync(plain);
      return isUtf8(bytes) ? { bytes: plain } : { encoding: 'deflate', bytes };
    }
    case 3:
      return { encoding: 'br', bytes: brotli(plain) };
    case 4: {
      const at = random.below(plain.length);
      const bytes = Buffer.concat([
        gzipSync(plain.subarray(0, at)),
        gzipSync(plain.subarray(at)),
        // Appended to the last member.
        Buffer.alloc(random.below(3)),
      ]);
      return { encoding: 'gzip', bytes };
    }
    case 5:
      return random.chance(1 / 2)
        ? { encoding: 'gzip, br', bytes: brotli(gzipSync(plain)) }
        : { encoding: 'br,deflate', bytes: deflateSync(brotli(plain)) };
    case 6: {
      const [encoding, whole] = random.pick([
        ['gzip', gzipSync],
        ['deflate', deflateSync],
        ['br', brotli],
      ] as const);
      const bytes = whole(plain);
      // The length at the end of gzip may be missing, because the checksum is sufficient.
      const cut = bytes.subarray(
        0,
        random.below(Math.max(bytes.length - 5, 1)),
      );
      return { encoding, bytes: cut, decoded: cut };
    }
    case 7: {
      const bytes = gzipSync(plain);
      const encoding = random.pick([undefined, 'br', 'deflate', 'nonsense']);
      return { ...(encoding && { encoding }), bytes, decoded: bytes };
    }
    case 8:
      return {
        encoding: random.pick([
          'gzip',
          'deflate',
          'br',
          'zstd',
          'identity',
          'compress',
          'gzip, br',
          'nonsense',
          ',',
          '',
        ]),
        bytes: plain,
      };
    default:
      return { bytes: plain };
  }
}

function brotli(bytes: Buffer): Buffer {
  // The default takes seconds for a large body.
  return brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 3 },
  });
}

function entries(random: SeededRandom, most: number): unknown[] {
  return Array.from({ length: random.below(most) }, () => mutatedEntry(random));
}

function stringify(value: unknown): string {
  return JSON.stringify(value) ?? 'undefined';
}

function text(random: SeededRandom): string {
  return stringify(
    random.chance(1 / 2) ? mutatedEntry(random) : entries(random, 5),
  );
}

function deepNesting(random: SeededRandom): string {
  const depth = random.pick([90, 98, 99, 100, 101, 102, 1_000, 10_000, 50_000]);
  const [open, close] = random.pick([
    ['[', ']'],
    ['{"a":', '}'],
    ['[{"__proto__":', '}]'],
    ['{"Type":1,"Data":', '}'],
  ] as const);
  const closed = random.chance(1 / 4) ? '' : close.repeat(depth);
  const nested = `${open.repeat(depth)}1${closed}`;
  return random.chance(1 / 2)
    ? nested
    : `[{"Type":1,"more":${nested}},{"Type":8}]`;
}

function hugeNumbers(random: SeededRandom): string {
  const number = random.pick([
    '1e400',
    '-1e400',
    '9'.repeat(400),
    '1e-9999',
    '-0',
    '9007199254740993',
    `0.${'1'.repeat(5_000)}`,
    `1${'0'.repeat(10_000)}`,
    '1E+2',
  ]);
  const field = random.pick(['Type', 'Data', 'Date', 'Key', 'mine']);
  return `[{"Type":1,"${field}":${number}},${number}]`;
}

function duplicateKeys(random: SeededRandom): string {
  const value = () => stringify(hostileValue(random));
  return `{"Type":1,"Type":${value()},"Data":"a","Data":${value()},"Date":${value()},"Type":${random.pick(['1', '8', 'null'])}}`;
}

function prototypeKeys(random: SeededRandom): string {
  const key = random.pick(['__proto__', 'constructor', 'prototype']);
  const hostile = `"${key}":{"polluted":true,"prototype":{"polluted":true},"Type":${random.below(20)}}`;
  return random.pick([
    `{${hostile}}`,
    `{"Type":1,${hostile}}`,
    `[{"Type":1,"Data":{${hostile}}},{"Type":8,"mine":{${hostile}}}]`,
    `{"\\u005f_proto__":{"polluted":true},"Type":1}`,
  ]);
}

function loneSurrogates(random: SeededRandom): string {
  const lone = random.pick([
    '\\ud800',
    '\\udfff',
    '\\ud800\\ud800',
    'a\\uDC00',
  ]);
  return random.pick([
    `{"Type":1,"Data":"${lone}","ConversationId":"${lone}"}`,
    `[{"Type":7,"Text":"${lone}"},{"Type":1,"${lone}":1}]`,
  ]);
}

const BROKEN_UTF8 = [
  [0xff],
  [0xfe, 0xff],
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xe2, 0x82],
  [0x80],
  [0xf8, 0x88, 0x80, 0x80, 0x80],
];

function brokenUtf8(random: SeededRandom): Buffer {
  const whole = Buffer.from(text(random));
  const at = random.below(whole.length);
  return Buffer.concat([
    whole.subarray(0, at),
    Buffer.from(random.pick(BROKEN_UTF8)),
    whole.subarray(at),
  ]);
}

function truncated(random: SeededRandom): Buffer {
  const whole = Buffer.from(text(random));
  return whole.subarray(0, random.below(whole.length));
}

function flippedBits(random: SeededRandom): Buffer {
  const bytes = Buffer.from(text(random));
  for (let flips = 1 + random.below(4); flips > 0; flips--) {
    const at = random.below(bytes.length);
    bytes[at] = bytes[at]! ^ (1 << random.below(8));
  }
  return bytes;
}

function byteOrderMarks(random: SeededRandom): string {
  const json = text(random);
  const mark = '\uFEFF';
  return random.pick([
    `${mark}${json}`,
    `${mark}${mark}${json}`,
    `${json}${mark}`,
    ` ${mark}${json}`,
    mark,
  ]);
}

function megabyte(random: SeededRandom): string {
  const long = random.pick(['x', '\\u0000', '🎉', '"'.padStart(2, '\\')]);
  const value = long.repeat(Math.ceil(1_048_576 / Buffer.byteLength(long)));
  const field = random.pick(['Data', 'UserName', 'Date', 'BotToken', 'mine']);
  return random.chance(1 / 4)
    ? `{"Type":1,"${value}":1}`
    : `{"Type":1,"${field}":"${value}"}`;
}

function manyKeys(random: SeededRandom): string {
  const keys = Array.from(
    { length: 10_000 },
    (_, index) => `"key${random.below(1_000_000)}-${index}":${index}`,
  );
  return `{"Type":1,${keys.join()}}`;
}

function otherCharset(random: SeededRandom): Buffer {
  const json = text(random);
  const little = Buffer.from(
    random.chance(1 / 2) ? json : `\uFEFF${json}`,
    'utf16le',
  );
  return random.pick([
    little,
    Buffer.from(little).swap16(),
    // Cuts a character in half.
    little.subarray(0, -1),
    Buffer.from(json.replace('"Type"', '"é":"ü","Type"'), 'latin1'),
  ]);
}

/** Returns a body of exactly the allowed size. */
function asLargeAsTheLimit(random: SeededRandom): string {
  const filled = (open: string, entry: string, close: string) => {
    const room = LIMIT_BYTES - open.length - close.length;
    const some = entry.repeat(Math.floor(room / entry.length));
    return `${open}${some}${close}`.padEnd(LIMIT_BYTES);
  };
  return random.pick([
    () => filled('{"Type":1,"Data":"', 'x', '"}'),
    () => filled('"', 'x', '"'),
    () => filled('[', '{},', '{}]'),
    () => filled('[', '0,', '0]'),
    () => filled('[', '[],', '[]]'),
    () => filled('[', '{"Type":8},', '{"Type":8}]'),
    () => filled('[', '{"Type":8},', ''),
    () => `[${'{"Type":8},'.repeat(19_998)}{"Type":8}]`.padEnd(LIMIT_BYTES),
  ])();
}
