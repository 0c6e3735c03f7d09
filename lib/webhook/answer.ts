import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Http2Stream } from 'node:http2';

/** Statuses after which nothing more is read from a connection. */
export const CLOSES_CONNECTION: ReadonlySet<number> = new Set([401, 408, 413]);

/**
 * Writes an answer to the socket's own response: on the way through the host's
 * interceptors and filters a 200 would get a body, and a 401 become a 500.
 * @returns whether there was still something to answer
 */
export function answer(
  response: ServerResponse,
  status: number,
  messages?: readonly string[],
): boolean {
  if (response.headersSent || response.destroyed) return false;
  response.statusCode = status;
  if (status === 200) {
    response.end();
    return true;
  }
  const body = messages && Buffer.from(errorBody(status, messages));
  if (body) response.setHeader('Content-Type', 'application/json');
  if (status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
  const closes = CLOSES_CONNECTION.has(status);
  const { stream } = response as ServerResponse & { stream?: Http2Stream };
  if (closes && !stream) response.setHeader('Connection', 'close');
  response.setHeader('Content-Length', body?.length ?? 0);
  response.end(body);
  // HTTP/2 has no such header, and would keep the stream of an unfinished call open.
  if (closes) stream?.close();
  return true;
}

/** The shape of Nest's own error answers. */
function errorBody(status: number, message: readonly string[]): string {
  return JSON.stringify({
    statusCode: status,
    message,
    error: STATUS_CODES[status],
  });
}
