import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

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
  hideHeaders(request);
  request.on('newListener', endForLatecomer);
}

/** All who look at headers after us would pay for an object that properties were deleted from. */
function hideHeaders(request: IncomingMessage): void {
  if (request.httpVersionMajor !== 1) {
    for (const header of BODY_HEADERS) delete request.headers[header];
    return;
  }
  const { headers } = request;
  const others: IncomingHttpHeaders = {};
  for (const name in headers) {
    if (!BODY_HEADERS.includes(name)) others[name] = headers[name];
  }
  request.headers = others;
}

function endForLatecomer(
  this: IncomingMessage,
  event: string | symbol,
  listener: () => void,
): void {
  if (event !== 'end' || !this.readableEnded) return;
  setImmediate(() => listener.call(this));
}
