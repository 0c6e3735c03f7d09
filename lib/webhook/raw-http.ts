import type { IncomingMessage, ServerResponse } from 'node:http';

export type HttpRequest = IncomingMessage | { readonly raw: IncomingMessage };

/** Express's request is Node's own; Fastify's holds it. */
export function rawRequest(request: HttpRequest): IncomingMessage {
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
