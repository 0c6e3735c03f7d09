import { constants } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';

export interface BodyLimits {
  /** Of what is sent, and of what it is after decompression. */
  readonly limitBytes: number;
  readonly timeoutMs: number;
}

/** Where parsers of a host put what they read. */
export interface ParsedRequest {
  readonly rawBody?: unknown;
  readonly body?: unknown;
}

/** The text of a body, or why there is none. */
export type ReadBody =
  | { readonly outcome: 'read'; readonly text: string }
  | { readonly outcome: 'too-large' | 'too-slow' | 'broken-off' | 'taken' };

type Unread = Exclude<ReadBody, { outcome: 'read' }>;

const TOO_LARGE: Unread = { outcome: 'too-large' };
const BROKEN_OFF: Unread = { outcome: 'broken-off' };
const NOTHING = Buffer.alloc(0);

const DECOMPRESS = new Map([
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
  ['br', promisify(brotliDecompress)],
]);

/**
 * Reads the body whatever its content type says or lacks. Where something of the
 * host has read it already, what that left of it is taken; it's `'taken'` where
 * nothing is left. Never rejects.
 */
export async function readBody(
  request: IncomingMessage,
  limits: BodyLimits,
  { rawBody, body }: ParsedRequest = request as ParsedRequest,
): Promise<ReadBody> {
  const { headers } = request;
  const { limitBytes } = limits;
  if (request.readableEnded) return leftOver(rawBody ?? body, limitBytes);
  // It may have broken off before anybody listened.
  if (request.destroyed) return BROKEN_OFF;
  if (Number(headers['content-length']) > limitBytes) return TOO_LARGE;
  const isUntouched = isUntouchedHttp1(request);
  if (isUntouched) {
    // What came in one piece with its head is parsed right behind it. Whoever
    // begins to listen in between must not set it off before we listen.
    request.pause();
    await Promise.resolve();
  }
  const sent =
    (isUntouched ? wholeOf(request) : undefined) ??
    (await collect(request, limits));
  if ('outcome' in sent) return sent;
  if (sent.length > limitBytes) return TOO_LARGE;
  const encoding = headers['content-encoding'];
  const bytes =
    encoding === undefined
      ? sent
      : await decompressed(sent, encoding, limitBytes);
  return bytes === undefined
    ? TOO_LARGE
    : { outcome: 'read', text: bytes.toString('utf8') };
}

function leftOver(body: unknown, limitBytes: number): ReadBody {
  const text = textOf(body);
  if (text === undefined) return { outcome: 'taken' };
  return Buffer.byteLength(text) > limitBytes
    ? { outcome: 'too-large' }
    : { outcome: 'read', text };
}

/** `undefined` for what is no body that a parser could have left. */
function textOf(body: unknown): string | undefined {
  if (body === undefined || body === null) return undefined;
  if (typeof body === 'string') return body;
  if (Buffer.isBuffer(body)) return body.toString('utf8');
  try {
    return JSON.stringify(body);
  } catch {
    return undefined;
  }
}

/** HTTP/2 tells otherwise what is here of a body. */
function isUntouchedHttp1(request: IncomingMessage): boolean {
  return (
    request.httpVersionMajor === 1 &&
    request.readableFlowing === null &&
    request.readableEncoding === null &&
    !request.readableDidRead
  );
}

/**
 * Lets a paused body go on, and takes it where it is here as a whole: then
 * neither listeners nor a timer are needed for it.
 */
function wholeOf(request: IncomingMessage): Buffer | undefined {
  const { complete, destroyed, headers, readableLength } = request;
  const isWhole =
    complete || readableLength === Number(headers['content-length']);
  const bytes =
    isWhole && !destroyed
      ? ((request.read() as Buffer | null) ?? NOTHING)
      : undefined;
  request.resume();
  return bytes;
}

async function collect(
  request: IncomingMessage,
  { limitBytes, timeoutMs }: BodyLimits,
): Promise<Buffer | Unread> {
  if (request.destroyed) return BROKEN_OFF;
  return new Promise(resolve => {
    const chunks: Buffer[] = [];
    let length = 0;
    const timer = setTimeout(() => finish({ outcome: 'too-slow' }), timeoutMs);
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      if (length > limitBytes) return finish(TOO_LARGE);
      chunks.push(chunk);
    };
    const onEnd = () => finish(Buffer.concat(chunks, length));
    const onClose = () => finish(BROKEN_OFF);
    const finish = (collected: Buffer | Unread) => {
      clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('close', onClose);
      resolve(collected);
    };
    request.on('data', onData).on('end', onEnd).on('close', onClose);
    // Without a listener, an aborted request would end the process; `close` follows.
    request.on('error', () => {});
  });
}

/** `undefined` where it is over the limit; as it came where it can't be decompressed. */
async function decompressed(
  bytes: Buffer,
  encoding: string,
  limitBytes: number,
): Promise<Buffer | undefined> {
  const decompress = DECOMPRESS.get(encoding.trim().toLowerCase());
  if (!decompress || bytes.length === 0) return bytes;
  try {
    return await decompress(bytes, {
      maxOutputLength: Math.min(limitBytes, constants.MAX_STRING_LENGTH),
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ERR_BUFFER_TOO_LARGE' ? undefined : bytes;
  }
}
