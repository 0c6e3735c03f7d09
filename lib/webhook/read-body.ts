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

type Collected =
  | { readonly outcome: 'read'; readonly bytes: Buffer }
  | Exclude<ReadBody, { outcome: 'read' }>;

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
  if (request.readableEnded) {
    return leftOver(rawBody ?? body, limits.limitBytes);
  }
  const collected = await collect(request, limits);
  if (collected.outcome !== 'read') return collected;
  const bytes = await decompressed(
    collected.bytes,
    request.headers['content-encoding'],
    limits.limitBytes,
  );
  return bytes === undefined
    ? { outcome: 'too-large' }
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

async function collect(
  request: IncomingMessage,
  { limitBytes, timeoutMs }: BodyLimits,
): Promise<Collected> {
  // It may have broken off before anybody listened.
  if (request.destroyed) return { outcome: 'broken-off' };
  if (Number(request.headers['content-length']) > limitBytes) {
    return { outcome: 'too-large' };
  }
  return new Promise(resolve => {
    const chunks: Buffer[] = [];
    let length = 0;
    const timer = setTimeout(() => finish({ outcome: 'too-slow' }), timeoutMs);
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      if (length > limitBytes) return finish({ outcome: 'too-large' });
      chunks.push(chunk);
    };
    const onEnd = () =>
      finish({ outcome: 'read', bytes: Buffer.concat(chunks, length) });
    const onClose = () => finish({ outcome: 'broken-off' });
    const finish = (collected: Collected) => {
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
  encoding: string | undefined,
  limitBytes: number,
): Promise<Buffer | undefined> {
  const decompress = DECOMPRESS.get(encoding?.trim().toLowerCase() ?? '');
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
