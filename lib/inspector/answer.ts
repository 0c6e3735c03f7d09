import {
  BadRequestException,
  ForbiddenException,
  HttpException,
  Logger,
} from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describeError } from '../describe-error.js';
import { isObject } from '../is-object.js';
import { readBody, type ParsedRequest } from '../webhook/read-body.js';
import {
  rawRequest,
  rawResponse,
  type HttpRequest,
  type HttpResponse,
} from '../webhook/webhook.exchange.js';
import { XeniooDeadLetterError } from '../xenioo.errors.js';

/** A request of Express or Fastify. */
export type InspectorRequest = HttpRequest &
  ParsedRequest & { readonly params: Readonly<Record<string, string>> };

/** Headers of every answer of the API. */
export const API_HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
} as const;

const BODY_LIMITS = { limitBytes: 100_000, timeoutMs: 10_000 };

const logger = new Logger('Xenioo');

/** JSON text that is sent as it is. */
export class JsonText {
  constructor(readonly text: string) {}
}

/**
 * Answers with what `work` returns, or with what failed. The answer is written to the
 * response of Node.js: interceptors of the application could wrap it. If `work` has
 * written an answer, nothing is added.
 */
export async function answer(
  request: InspectorRequest,
  reply: HttpResponse,
  work: (response: ServerResponse) => Promise<unknown>,
): Promise<void> {
  const response = rawResponse(reply);
  try {
    assertSameOrigin(rawRequest(request));
    send(response, 200, await work(response));
  } catch (error) {
    const { statusCode, message } = describeFailure(error);
    // Closing the connection marks the answer as incomplete.
    if (response.headersSent) response.destroy();
    else send(response, statusCode, { statusCode, message });
  }
}

/**
 * Reads the JSON body of an action.
 * @throws {HttpException} if the content type is not JSON, or the body is not an object
 */
export async function readAction(
  request: InspectorRequest,
): Promise<Record<string, unknown>> {
  const raw = rawRequest(request);
  const contentType = raw.headers['content-type'] ?? '';
  if (!/^application\/json *(?:;|$)/i.test(contentType)) {
    throw new ForbiddenException('the content type must be application/json');
  }
  const body = await readBody(raw, BODY_LIMITS, request);
  if (body.outcome !== 'read') {
    throw new BadRequestException(`the body can't be read: ${body.outcome}`);
  }
  const value = parseJson(body.text === '' ? '{}' : body.text);
  if (isObject(value)) return value;
  throw new BadRequestException('the body must be a JSON object');
}

/** Returns the parameters of the query. */
export function queryOf(request: InspectorRequest): URLSearchParams {
  return new URL(rawRequest(request).url ?? '/', 'http://localhost')
    .searchParams;
}

/**
 * Rejects requests that another site makes. Browsers send `Sec-Fetch-Site` to HTTPS
 * and localhost, and `Origin` with each POST.
 * @throws {ForbiddenException}
 */
function assertSameOrigin({ method, headers }: IncomingMessage): void {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) {
    const isPost = method === 'POST';
    if (site === 'same-origin' || (site === 'none' && !isPost)) return;
    throw new ForbiddenException('the request comes from another site');
  }
  const { origin, host = headers[':authority'] } = headers;
  if (origin === undefined || hostOf(origin) === host) return;
  throw new ForbiddenException(
    'the request comes from another site: `Origin` differs from `Host`. If a proxy changes `Host`, let it pass the original one',
  );
}

function hostOf(origin: string): string | undefined {
  return /^https?:\/\/(.+)$/.exec(origin)?.[1];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function send(response: ServerResponse, status: number, value: unknown): void {
  if (response.headersSent || response.destroyed) return;
  const text = value instanceof JsonText ? value.text : JSON.stringify(value);
  response.writeHead(status, {
    ...API_HEADERS,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

function describeFailure(error: unknown): {
  statusCode: number;
  message: string;
} {
  const { message, stack } = describeError(error);
  if (error instanceof HttpException) {
    return { statusCode: error.getStatus(), message };
  }
  // The checks of filters and pages throw it.
  if (error instanceof RangeError) return { statusCode: 400, message };
  if (error instanceof XeniooDeadLetterError) {
    return { statusCode: 409, message };
  }
  logger.error(`A request of the inspector failed: ${message}`, stack);
  return { statusCode: 503, message };
}
