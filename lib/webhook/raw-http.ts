import type { IncomingMessage, ServerResponse } from 'node:http';

/** Express's request is Node's own; Fastify's holds it. */
export function rawRequest(
  request: IncomingMessage | { readonly raw: IncomingMessage },
): IncomingMessage {
  return 'raw' in request ? request.raw : request;
}

/** The same for a response; Fastify is told that it is answered here. */
export function rawResponse(
  response: ServerResponse | { readonly raw: ServerResponse; hijack(): void },
): ServerResponse {
  if (!('raw' in response)) return response;
  response.hijack();
  return response.raw;
}
