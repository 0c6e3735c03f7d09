import type { IncomingMessage } from 'node:http';

/** What makes parsers, decompressors and validators look for a body. */
const BODY_HEADERS = [
  'content-type',
  'content-encoding',
  'content-length',
  'transfer-encoding',
];

interface ParsedRequest extends IncomingMessage {
  body?: unknown;
  /** How parsers of Express tell each other that a body was read. */
  _body?: boolean;
}

/**
 * Tells the host that there is no body to read, now that it is read: its parsers
 * leave the request alone, and what waits for its end, though it came before,
 * hears of it.
 */
export function hideBody(request: IncomingMessage): void {
  const parsed: ParsedRequest = request;
  parsed.body = {};
  parsed._body = true;
  for (const header of BODY_HEADERS) delete request.headers[header];

  request.on('newListener', (event, listener: () => void) => {
    if (event !== 'end' || !request.readableEnded) return;
    setImmediate(() => listener.call(request));
  });
}
