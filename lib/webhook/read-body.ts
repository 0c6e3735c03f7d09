import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { decodeBody, type DecodedBody } from './decode-body.js';

export interface BodyLimits {
  /** Upper bound in bytes of what is sent, and of what it decompresses to. */
  readonly limitBytes: number;
  readonly timeoutMs: number;
}

/** A request on which parsers of the host have left what they read. */
export interface ParsedRequest {
  readonly rawBody?: unknown;
  readonly body?: unknown;
}

/** A body, or why there is none. */
export type ReadBody =
  | ({ readonly outcome: 'read' } & DecodedBody)
  | { readonly outcome: 'too-large' | 'too-slow' | 'aborted' | 'consumed' };

type Unread = Exclude<ReadBody, { outcome: 'read' }>;

const TOO_LARGE: Unread = { outcome: 'too-large' };
const ABORTED: Unread = { outcome: 'aborted' };
const CONSUMED: Unread = { outcome: 'consumed' };

/**
 * Reads the body, whatever its content type says or lacks. If the host has read
 * it already, what the host's parsers left of it is used; the outcome is
 * `'consumed'` if they left nothing. Never rejects.
 *
 * Express gives each request a prototype and with it a hidden class of its own,
 * and then every look at a property takes V8 0.1 µs and more. So a body that has
 * arrived as a whole, as most do, is read without listeners and a timer.
 */
export async function readBody(
  request: IncomingMessage,
  limits: BodyLimits,
  parsed: ParsedRequest = request as ParsedRequest,
): Promise<ReadBody> {
  const { headers } = request;
  const length = Number(headers['content-length']);
  if (length > limits.limitBytes) return TOO_LARGE;
  const isBuffered =
    length > 0 &&
    request.readableLength === length &&
    request.readableFlowing === null;
  const bytes = isBuffered
    ? // By its length, `read()` leaves the end to middleware that waits for it.
      toBuffer(request.read(length), request)
    : await readStream(request, limits, parsed);
  return Buffer.isBuffer(bytes) ? decoded(bytes, headers, limits) : bytes;
}

/** Headers that make parsers, decompressors and validators look for a body. */
const BODY_HEADERS = [
  'content-type',
  'content-encoding',
  'content-length',
  'transfer-encoding',
] as const;

/** Makes a request whose body was read look like one without a body, so that the host's parsers leave it alone. */
export function markBodyConsumed(request: IncomingMessage): void {
  const { headers } = request;
  for (const name of BODY_HEADERS) {
    // Deleting properties would slow down every later look at the headers.
    if (headers[name] !== undefined) headers[name] = undefined;
  }
  (request as IncomingMessage & { body: unknown }).body = {};
}

/** Returns `undefined` for a value that no parser makes of a body. */
function bytesOf(body: unknown): Buffer | undefined {
  if (body === undefined || body === null) return undefined;
  if (Buffer.isBuffer(body)) return body;
  if (typeof body === 'string') return Buffer.from(body);
  try {
    return Buffer.from(JSON.stringify(body));
  } catch {
    return undefined;
  }
}

async function decoded(
  bytes: Buffer,
  headers: IncomingHttpHeaders,
  { limitBytes }: BodyLimits,
): Promise<ReadBody> {
  if (bytes.length > limitBytes) return TOO_LARGE;
  const isPlain = headers['content-encoding'] === undefined && isUtf8(bytes);
  // A NUL at the start is half a character of UTF-16.
  if (isPlain && bytes[0] !== 0 && bytes[1] !== 0) {
    return { outcome: 'read', text: bytes.toString('utf8'), isBase64: false };
  }
  const body = await decodeBody(bytes, headers, limitBytes);
  return body ? { outcome: 'read', ...body } : TOO_LARGE;
}

async function readStream(
  request: IncomingMessage,
  limits: BodyLimits,
  { rawBody, body }: ParsedRequest,
): Promise<Buffer | Unread> {
  if (request.readableEnded) return bytesOf(rawBody ?? body) ?? CONSUMED;
  // Something of the host reads it, and has got a part that we did not.
  if (request.readableDidRead) return CONSUMED;
  // The call may have been aborted before anything listened.
  if (request.destroyed) return ABORTED;
  return collect(request, limits);
}

async function collect(
  request: IncomingMessage,
  { limitBytes, timeoutMs }: BodyLimits,
): Promise<Buffer | Unread> {
  return new Promise(resolve => {
    const chunks: Buffer[] = [];
    let length = 0;
    const timer = setTimeout(() => finish({ outcome: 'too-slow' }), timeoutMs);
    const onData = (data: Buffer | string) => {
      const chunk = toBuffer(data, request);
      length += chunk.length;
      if (length > limitBytes) return finish(TOO_LARGE);
      chunks.push(chunk);
    };
    const onEnd = () => {
      request.on('newListener', callAfterEnd);
      finish(Buffer.concat(chunks, length));
    };
    const onClose = () => finish(ABORTED);
    const finish = (collected: Buffer | Unread) => {
      clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('close', onClose);
      resolve(collected);
    };
    request.on('data', onData).on('end', onEnd).on('close', onClose);
    // Without a listener, an aborted request would end the process; `close` follows.
    request.on('error', () => {});
    request.resume();
  });
}

/** Calls a middleware that waits for the end of the body, though it came before. */
function callAfterEnd(
  this: IncomingMessage,
  event: string | symbol,
  listener: () => void,
): void {
  if (event !== 'end' || !this.readableEnded) return;
  setImmediate(() => listener.call(this));
}

/** A middleware may have called `setEncoding()`. */
function toBuffer(data: Buffer | string, request: IncomingMessage): Buffer {
  return typeof data === 'string'
    ? Buffer.from(data, request.readableEncoding ?? 'utf8')
    : data;
}
