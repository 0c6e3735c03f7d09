import { constants, isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';

/** The text of a body. */
export interface DecodedBody {
  /** The bytes in base64, if they could not be decoded. */
  readonly text: string;
  readonly isBase64: boolean;
}

interface Limit {
  readonly maxOutputLength: number;
}

type Decompress = (bytes: Buffer, limit: Limit) => Promise<Buffer>;

const inflate = promisify(zlib.inflate);
const inflateRaw = promisify(zlib.inflateRaw);

/** In Node.js from 22.15 on. */
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
 * Decompresses a body and turns it into text. Headers that contradict the bytes
 * are ignored. Never rejects.
 * @returns the bytes in base64 if they are no text; `undefined` if they exceed the limit once decompressed
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

/** Undoes the encodings that a `Content-Encoding` header lists, the last one first. */
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

/** Inflates with and without the header of zlib, since senders disagree about `deflate`. */
async function inflateAny(bytes: Buffer, limit: Limit): Promise<Buffer> {
  try {
    return await inflate(bytes, limit);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // JSON text may happen to be raw deflate; compressed bytes are no UTF-8.
    if (code === 'ERR_BUFFER_TOO_LARGE' || isUtf8(bytes)) throw error;
    return inflateRaw(bytes, limit);
  }
}

/** Decompresses all members of a gzip body and drops the bytes behind them, at which `zlib.gunzip()` fails. */
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
  // The name of a file, and a comment, each with a NUL at its end.
  if (flags & 0x08) length = bytes.indexOf(0, length) + 1;
  if (flags & 0x10) length = bytes.indexOf(0, length) + 1;
  return flags & 0x02 ? length + 2 : length;
}

/** Decodes as UTF-16 or UTF-8, whichever the bytes are, or else by the charset of a `Content-Type` header. */
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

/** Recognises UTF-16 and UTF-32 by their byte-order marks, or by the NULs beside the ASCII character that JSON begins with. */
function wideCharset([first, second, third, fourth]: Buffer) {
  if (first === 0 && second === 0) return 'utf-32be';
  const isLittle = (first === 0xff && second === 0xfe) || second === 0;
  if (isLittle) {
    return third === 0 && fourth === 0 ? 'utf-32le' : 'utf-16le';
  }
  const isBig = (first === 0xfe && second === 0xff) || first === 0;
  return isBig ? 'utf-16be' : undefined;
}
