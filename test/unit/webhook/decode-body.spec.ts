import * as fc from 'fast-check';
import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
} from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decodeBody } from '../../../lib/webhook/decode-body.js';

const TEXT = '{"Type":1,"Data":"Hello, Zoë 👋"}';
const LIMIT = 100_000;

interface DecodeInput {
  readonly encoding?: string;
  readonly type?: string;
  readonly limitBytes?: number;
}

function decode(
  bytes: Buffer,
  { encoding, type, limitBytes = LIMIT }: DecodeInput = {},
) {
  const headers = {
    ...(encoding !== undefined && { 'content-encoding': encoding }),
    ...(type !== undefined && { 'content-type': type }),
  };
  return decodeBody(bytes, headers, limitBytes);
}

const text = (value: string) => ({ text: value, isBase64: false });
const kept = (bytes: Buffer) => ({
  text: bytes.toString('base64'),
  isBase64: true,
});
const utf16be = (value: string) => Buffer.from(value, 'utf16le').swap16();
const utf32be = (value: string) =>
  Buffer.concat(
    Array.from(value, c => Buffer.from([0, 0, 0, c.charCodeAt(0)])),
  );

describe('decodeBody() of a compressed body', () => {
  const named = Buffer.concat([
    // Flags: a name, a comment, an extra field and a checksum of the header.
    Buffer.from([0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 3]),
    Buffer.from([2, 0, 7, 7]),
    Buffer.from('entries.json\0a comment\0'),
    Buffer.from([0, 0]),
    gzipSync(TEXT).subarray(10),
  ]);

  it.each<[string, string, Buffer]>([
    ['gzip', 'gzip', gzipSync(TEXT)],
    ['gzip with all header fields', 'gzip', named],
    [
      'gzip of two members',
      'gzip',
      Buffer.concat([gzipSync(TEXT.slice(0, 9)), gzipSync(TEXT.slice(9))]),
    ],
    ['zlib', 'deflate', deflateSync(TEXT)],
    ['raw deflate', 'deflate', deflateRawSync(TEXT)],
    ['brotli', 'br', brotliCompressSync(TEXT)],
    ['two encodings', 'gzip, br', brotliCompressSync(gzipSync(TEXT))],
    [
      'three encodings',
      'deflate,identity , GZIP',
      gzipSync(deflateRawSync(TEXT)),
    ],
    ['identity', 'identity', Buffer.from(TEXT)],
    ['an empty encoding', '', Buffer.from(TEXT)],
  ])('decompresses it: %s', async (_what, encoding, bytes) => {
    expect(await decode(bytes, { encoding })).toEqual(text(TEXT));
  });

  it.each([
    ['a newline', Buffer.from('\r\n')],
    ['zeros', Buffer.alloc(512)],
    ['text', Buffer.from('garbage')],
    ['one byte of another header', Buffer.from([0x1f])],
  ])('ignores bytes after the gzip data: %s', async (_what, trailing) => {
    const bytes = Buffer.concat([gzipSync(TEXT), trailing]);

    expect(await decode(bytes, { encoding: 'gzip' })).toEqual(text(TEXT));
  });

  it.each<[string, string, Buffer]>([
    ['deflate', 'deflate', Buffer.concat([deflateSync(TEXT), Buffer.of(1)])],
    [
      'raw deflate',
      'deflate',
      Buffer.concat([deflateRawSync(TEXT), Buffer.of(1)]),
    ],
    ['brotli', 'br', Buffer.concat([brotliCompressSync(TEXT), Buffer.of(1)])],
  ])(
    'ignores bytes after the compressed data: %s',
    async (_what, encoding, bytes) => {
      expect(await decode(bytes, { encoding })).toEqual(text(TEXT));
    },
  );

  it.each(['gzip', 'x-gzip', 'deflate', 'br', 'gzip, br', 'compress', 'none'])(
    'accepts plain text despite a Content-Encoding of %o',
    async encoding => {
      expect(await decode(Buffer.from(TEXT), { encoding })).toEqual(text(TEXT));
      expect(await decode(Buffer.alloc(0), { encoding })).toEqual(text(''));
    },
  );

  const wrongChecksum = gzipSync(TEXT);
  wrongChecksum[wrongChecksum.length - 5]! ^= 1;

  it.each<[string, string, Buffer]>([
    ['gzip that was cut off', 'gzip', gzipSync(TEXT).subarray(0, 30)],
    ['gzip without its length', 'gzip', gzipSync(TEXT).subarray(0, -6)],
    ['gzip with a wrong checksum', 'gzip', wrongChecksum],
    [
      'a second member that was cut off',
      'gzip',
      Buffer.concat([gzipSync(TEXT), gzipSync(TEXT).subarray(0, 20)]),
    ],
    ['a header of gzip alone', 'gzip', Buffer.from([0x1f, 0x8b, 8, 0x0c])],
    ['another compression', 'br', gzipSync(TEXT)],
    ['half of two encodings', 'br, gzip', gzipSync(gzipSync(TEXT))],
    ['an unsupported encoding', 'compress', Buffer.from([0x1f, 0x9d, 0x90])],
  ])(
    'keeps the bytes of an invalid body: %s',
    async (_what, encoding, bytes) => {
      expect(await decode(bytes, { encoding })).toEqual(kept(bytes));
    },
  );

  it.each<[string, string, (bytes: Buffer) => Buffer]>([
    ['gzip', 'gzip', gzipSync],
    ['deflate', 'deflate', deflateSync],
    ['raw deflate', 'deflate', deflateRawSync],
    ['brotli', 'br', brotliCompressSync],
    ['two encodings', 'gzip, br', bytes => brotliCompressSync(gzipSync(bytes))],
    [
      'members of gzip',
      'gzip',
      bytes => Buffer.concat([gzipSync(bytes), gzipSync('')]),
    ],
  ])('limits the decompressed size: %s', async (_what, encoding, compress) => {
    const fits = Buffer.alloc(LIMIT, 'x');
    const exceeds = Buffer.alloc(LIMIT + 1, 'x');

    expect(await decode(compress(fits), { encoding })).toEqual(
      text(fits.toString()),
    );
    expect(await decode(compress(exceeds), { encoding })).toBeUndefined();
  });

  it('limits the total size of all gzip members', async () => {
    const member = gzipSync(Buffer.alloc(LIMIT, 'x'));
    const bytes = Buffer.concat(Array.from({ length: 100 }, () => member));

    expect(await decode(bytes, { encoding: 'gzip' })).toBeUndefined();
  });
});

describe('decodeBody() of text', () => {
  it.each<[string, string, Buffer]>([
    ['UTF-8', 'application/json', Buffer.from(TEXT)],
    [
      'UTF-8 under a wrong charset',
      'text/plain; charset=latin1',
      Buffer.from(TEXT),
    ],
    ['UTF-8 with an unknown charset', 'a; charset=b', Buffer.from(TEXT)],
    ['UTF-8 under UTF-16', 'a/b; charset=utf-16', Buffer.from(TEXT)],
    ['UTF-16LE with a mark', '', Buffer.from(`\uFEFF${TEXT}`, 'utf16le')],
    ['UTF-16BE with a mark', '', utf16be(`\uFEFF${TEXT}`)],
    ['UTF-16LE without a mark', '', Buffer.from(TEXT, 'utf16le')],
    ['UTF-16BE without a mark', 'a/b; charset=utf-16be', utf16be(TEXT)],
  ])('decodes it: %s', async (_what, type, bytes) => {
    expect(await decode(bytes, { type })).toEqual(text(TEXT));
  });

  it('keeps the byte-order mark, which the parser skips', async () => {
    const marked = `\uFEFF${TEXT}`;

    expect(await decode(Buffer.from(marked))).toEqual(text(marked));
  });

  it.each([
    ['iso-8859-1', Buffer.from('"Grüße"', 'latin1')],
    ['"ISO-8859-1"', Buffer.from('"Grüße"', 'latin1')],
    ['windows-1252', Buffer.from('"Grüße"', 'latin1')],
    ['us-ascii', Buffer.from('"Grüße"', 'latin1')],
  ])('decodes it by its charset: %s', async (charset, bytes) => {
    const type = `application/json; charset=${charset}`;

    expect(await decode(bytes, { type })).toEqual(text('"Grüße"'));
  });

  it('applies the charset after decompression', async () => {
    const bytes = gzipSync(Buffer.from(`\uFEFF${TEXT}`, 'utf16le'));

    expect(await decode(bytes, { encoding: 'gzip' })).toEqual(text(TEXT));
  });

  it.each<[string, string, Buffer]>([
    ['broken UTF-8', 'application/json', Buffer.from([0x22, 0xff, 0x22])],
    ['Latin-1 without a charset', '', Buffer.from('"Grüße"', 'latin1')],
    ['Latin-1 as UTF-8', 'a; charset=utf-8', Buffer.from('"ü"', 'latin1')],
    ['an unknown charset', 'a; charset=b', Buffer.from('"ü"', 'latin1')],
    ['half a character of UTF-16', '', Buffer.from([0xff, 0xfe, 0x7b])],
    ['UTF-32BE', '', utf32be('[1]')],
    ['UTF-32LE', '', Buffer.from(utf32be('[1]')).swap32()],
    [
      'UTF-32LE with a mark',
      '',
      Buffer.from([0xff, 0xfe, 0, 0, 0x5b, 0, 0, 0]),
    ],
  ])('keeps the bytes of undecodable text: %s', async (_what, type, bytes) => {
    expect(await decode(bytes, { type })).toEqual(kept(bytes));
  });
});

it('decodeBody() never rejects, whatever the bytes and headers', async () => {
  const encoding = fc.constantFrom(
    'gzip',
    'deflate',
    'br',
    'gzip, br',
    ',',
    'x',
  );
  const type = fc.constantFrom('', 'a; charset=utf-16', 'a; charset=latin1');
  const bytes = fc
    .uint8Array({ maxLength: 200 })
    .chain(array =>
      fc.constantFrom(
        Buffer.from(array),
        gzipSync(array).fill(array.length, 12, 14),
        Buffer.from([0x1f, 0x8b, 8, ...array]),
      ),
    );

  await fc.assert(
    fc.asyncProperty(
      bytes,
      encoding,
      type,
      async (body, encodings, charset) => {
        const sent = { encoding: encodings, type: charset };
        const body1 = await decode(body, sent);

        expect(typeof body1?.text).toBe('string');
      },
    ),
    { numRuns: 500 },
  );
});
