import { createHash, timingSafeEqual } from 'node:crypto';
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { pipeline } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { maskSecret } from './mask-secret.js';
import { describeSystemError } from './outcomes.js';
import type { RecordedCall } from './recorded-call.js';

const BODY_LIMIT_BYTES = 10 * 1_048_576;
const BODY_TIMEOUT_MS = 30_000;

const DECODERS = new Map([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

const REFUSALS = {
  401: 'wrong secret. Fix: compare it with the API Secret of the bot',
  404: 'path differs from --path',
  405: 'method is not POST',
  413: 'body over 10 MB',
};

/** Options of a server that records. */
export interface RecordServerOptions {
  readonly secret: string;
  /** Path to answer; every path if absent. */
  readonly path: string | undefined;
  /** Resolves to the number of entries once a call is saved. */
  readonly save: (call: RecordedCall) => Promise<number>;
  /** Called after each call. */
  readonly onResult: (result: RecordResult) => void;
  /** Aborts when the server is about to close. */
  readonly signal: AbortSignal;
}

/** Result of a call. */
export interface RecordResult {
  /** Status of the answer; absent if the call was aborted. */
  readonly status?: number;
  /** Number of entries of a recorded call. */
  readonly events?: number;
  /** Reason why a call was not recorded; holds no content of the call. */
  readonly problem?: string;
}

/** Creates a server that saves each POST with the right secret, and answers 200 once it is saved. */
export function createRecordServer(options: RecordServerOptions): Server {
  const { signal, onResult } = options;
  const settings = { requestTimeout: BODY_TIMEOUT_MS };
  return createServer(settings, (request, response) => {
    void record(request, options).then(result => {
      // A connection that is kept open would delay closing the server.
      const closes = result.status !== 200 || signal.aborted;
      answer(response, result.status, closes);
      onResult(result);
    });
  });
}

function refusalOf(
  { url = '/', method, headers }: IncomingMessage,
  { path, secret }: RecordServerOptions,
): keyof typeof REFUSALS | undefined {
  if (path !== undefined && plainPath(url) !== plainPath(path)) return 404;
  if (method !== 'POST') return 405;
  if (!hasSecret(headers.authorization, secret)) return 401;
  return Number(headers['content-length']) > BODY_LIMIT_BYTES ? 413 : undefined;
}

/** Removes the query and trailing slashes. */
function plainPath(url: string): string {
  return url.split('?', 1)[0]!.replace(/\/+$/, '');
}

/** Compares hashes, since timingSafeEqual() requires equal lengths. */
function hasSecret(authorization = '', secret: string): boolean {
  const given = authorization.replace(/^bearer +/i, '');
  return timingSafeEqual(hash(given), hash(secret));
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

async function record(
  request: IncomingMessage,
  options: RecordServerOptions,
): Promise<RecordResult> {
  const status = refusalOf(request, options);
  if (status !== undefined) return { status, problem: REFUSALS[status] };
  const { secret, save } = options;
  const body = await readBody(request);
  if (body === undefined) {
    return { problem: 'call aborted, or body over 10 MB' };
  }
  const contentType = request.headers['content-type'];
  try {
    const events = await save({
      receivedAt: new Date().toISOString(),
      contentType: contentType ? maskSecret(contentType, secret) : null,
      body,
    });
    return { status: 200, events };
  } catch (error) {
    return { status: 503, problem: `not saved: ${describeSystemError(error)}` };
  }
}

/** Resolves to undefined for a body that is cut off, too large or can't be decoded. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const decoder = DECODERS.get(request.headers['content-encoding'] ?? '')?.();
  const source = decoder ? pipeline(request, decoder, () => {}) : request;
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > BODY_LIMIT_BYTES) return undefined;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString();
  } catch {
    return undefined;
  }
}

function answer(
  response: ServerResponse,
  status: number | undefined,
  closes: boolean,
): void {
  if (status === undefined) return void response.destroy();
  if (closes) response.setHeader('Connection', 'close');
  if (status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
  if (status === 405) response.setHeader('Allow', 'POST');
  response.writeHead(status).end();
}
