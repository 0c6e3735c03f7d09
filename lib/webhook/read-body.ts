import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { decodeBody, type DecodedBody } from './decode-body.js';

export interface BodyLimits {
  /** Upper bound in bytes of the body, both as sent and decompressed. */
  readonly limitBytes: number;
  readonly timeoutMs: number;
}

/** A request whose body parsers of the application may have read and parsed. */
export interface ParsedRequest {
  readonly rawBody?: unknown;
  readonly body?: unknown;
}

/** A body, or the reason why it could not be read. */
export type ReadBody =
  | ({ readonly outcome: 'read' } & DecodedBody)
  | { readonly outcome: 'too-large' | 'too-slow' | 'aborted' | 'consumed' };

type Unread = Exclude<ReadBody, { outcome: 'read' }>;

const TOO_LARGE: Unread = { outcome: 'too-large' };
const ABORTED: Unread = { outcome: 'aborted' };
const CONSUMED: Unread = { outcome: 'consumed' };

/**
 * Reads the body with any content type. If the application has already read it, the
 * result of its parsers is used; the outcome is `'consumed'` if there is none.
 * Never rejects.
 *
 * Express sets the prototype of each request, after which V8 needs 0.1 µs or more
 * for each property access. Most bodies have arrived completely by now: they are
 * read without listeners and a timer.
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
    ? // With a length, `read()` does not emit `end`, which middleware may wait for.
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

/** Removes the body headers of a request, so that body parsers of the application skip it. */
export function markBodyConsumed(request: IncomingMessage): void {
  const { headers } = request;
  for (const name of BODY_HEADERS) {
    // Deleting properties would slow down every later access to the headers.
    if (headers[name] !== undefined) headers[name] = undefined;
  }
  (request as IncomingMessage & { body: unknown }).body = {};
}

/** Serializes a body that was parsed by the application; returns `undefined` if that is not possible. */
function serializeParsed(body: unknown): Buffer | undefined {
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
  // A NUL among the first two bytes means UTF-16 or UTF-32.
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
  if (request.readableEnded)
    return serializeParsed(rawBody ?? body) ?? CONSUMED;
  // Code of the application is reading the body, and has already got a part of it.
  if (request.readableDidRead) return CONSUMED;
  // The call was aborted before this listener was added.
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
    // Without a listener, the error of an aborted request would end the process; `close` follows.
    request.on('error', () => {});
    request.resume();
  });
}

/** Calls `end` listeners that middleware adds after `end` was emitted. */
function callAfterEnd(
  this: IncomingMessage,
  event: string | symbol,
  listener: () => void,
): void {
  if (event !== 'end' || !this.readableEnded) return;
  setImmediate(() => listener.call(this));
}

/** Converts a chunk to bytes; it is a string if middleware called `setEncoding()`. */
function toBuffer(data: Buffer | string, request: IncomingMessage): Buffer {
  return typeof data === 'string'
    ? Buffer.from(data, request.readableEncoding ?? 'utf8')
    : data;
}
