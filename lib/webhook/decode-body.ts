import { constants, isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';

/** A body after decompression and decoding. */
export interface DecodedBody {
  /** Text of the body, or its bytes in base64 if they could not be decoded. */
  readonly text: string;
  readonly isBase64: boolean;
}

interface Limit {
  readonly maxOutputLength: number;
}

type Decompress = (bytes: Buffer, limit: Limit) => Promise<Buffer>;

const inflate = promisify(zlib.inflate);
const inflateRaw = promisify(zlib.inflateRaw);

/** Exists in Node.js 22.15 and later. */
const { zstdDecompress } = zlib as { zstdDecompress?: typeof zlib.inflate };

const DECOMPRESS = new Map<string, Decompress>([
  ['', async bytes => bytes],
  ['identity', async bytes => bytes],
  ['gzip', gunzip],
  ['x-gzip', gunzip],
  ['deflate', inflateAny],
  ['br', promisify(zlib.brotliDecompress)],
]);
if (zstdDecompress) DECOMPRESS.set('zstd', promisify(zstdDecompress));

/**
 * Decompresses and decodes a body. Headers that contradict the bytes are ignored.
 * Never rejects.
 * @returns `undefined` if the decompressed body exceeds the limit
 */
export async function decodeBody(
  bytes: Buffer,
  headers: IncomingHttpHeaders,
  limitBytes: number,
): Promise<DecodedBody | undefined> {
  const limit = {
    maxOutputLength: Math.min(limitBytes, constants.MAX_STRING_LENGTH),
  };
  let plain = bytes;
  try {
    plain = await decompressed(bytes, headers['content-encoding'], limit);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE') return undefined;
  }
  if (plain.length > limitBytes) return undefined;
  const text = textOf(plain, headers['content-type']);
  return text === undefined
    ? { text: bytes.toString('base64'), isBase64: true }
    : { text, isBase64: false };
}

/** Decompresses the encodings of a `Content-Encoding` header, the last one first. */
async function decompressed(
  bytes: Buffer,
  encodings = '',
  limit: Limit,
): Promise<Buffer> {
  let plain = bytes;
  for (const encoding of encodings.split(',').toReversed()) {
    const decompress = DECOMPRESS.get(encoding.trim().toLowerCase());
    if (!decompress) throw new Error('unsupported encoding');
    plain = await decompress(plain, limit);
  }
  return plain;
}

/** Inflates with and without a zlib header: senders use `deflate` for both. */
async function inflateAny(bytes: Buffer, limit: Limit): Promise<Buffer> {
  try {
    return await inflate(bytes, limit);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // UTF-8 is text that was not compressed, even if it is valid raw deflate.
    if (code === 'ERR_BUFFER_TOO_LARGE' || isUtf8(bytes)) throw error;
    return inflateRaw(bytes, limit);
  }
}

/** Decompresses all members of a gzip body and ignores trailing bytes, on which `zlib.gunzip()` fails. */
async function gunzip(bytes: Buffer, limit: Limit): Promise<Buffer> {
  const members: Buffer[] = [];
  let rest = bytes;
  let length = 0;
  do {
    const member = await gunzipMember(rest, limit);
    members.push(member.content);
    length += member.content.length;
    rest = member.rest;
  } while (isGzip(rest) && length <= limit.maxOutputLength);
  return Buffer.concat(members, length);
}

function isGzip(bytes: Buffer): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** Decompresses the first member; gzip is a header (RFC 1952), raw deflate, a checksum and a length. */
async function gunzipMember(bytes: Buffer, limit: Limit) {
  if (!isGzip(bytes)) throw new Error('no gzip header');
  const start = gzipHeaderLength(bytes);
  const options = { ...limit, info: true };
  const inflated: unknown = await inflateRaw(bytes.subarray(start), options);
  const { buffer: content, engine } = inflated as {
    buffer: Buffer;
    engine: { bytesWritten: number };
  };
  const end = start + engine.bytesWritten;
  if (bytes.readUInt32LE(end) !== zlib.crc32(content)) {
    throw new Error('wrong checksum');
  }
  return { content, rest: bytes.subarray(end + 8) };
}

function gzipHeaderLength(bytes: Buffer): number {
  const flags = bytes.readUInt8(3);
  let length = 10;
  if (flags & 0x04) length += 2 + bytes.readUInt16LE(length);
  // A file name and a comment, each terminated by NUL.
  if (flags & 0x08) length = bytes.indexOf(0, length) + 1;
  if (flags & 0x10) length = bytes.indexOf(0, length) + 1;
  return flags & 0x02 ? length + 2 : length;
}

/** Decodes UTF-16, UTF-32 or UTF-8 as detected, and other bytes by the charset of a `Content-Type` header. */
function textOf(bytes: Buffer, contentType = ''): string | undefined {
  const wide = wideCharset(bytes);
  if (wide === undefined && isUtf8(bytes)) return bytes.toString('utf8');
  const charset = wide ?? /charset\s*=\s*"?([^\s;"]+)/i.exec(contentType)?.[1];
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Detects UTF-16 and UTF-32 by the byte-order mark, or by the NULs around the ASCII character that JSON begins with. */
function wideCharset([first, second, third, fourth]: Buffer) {
  if (first === 0 && second === 0) return 'utf-32be';
  const isLittle = (first === 0xff && second === 0xfe) || second === 0;
  if (isLittle) {
    return third === 0 && fourth === 0 ? 'utf-32le' : 'utf-16le';
  }
  const isBig = (first === 0xfe && second === 0xff) || first === 0;
  return isBig ? 'utf-16be' : undefined;
}
