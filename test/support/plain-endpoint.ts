import type {
  IncomingMessage,
  RequestListener,
  ServerResponse,
} from 'node:http';

export const SECRET = 'a-secret/of "this" test';

/** Call that an endpoint received. */
export interface PlainCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly text: string;
}

/** Answers a call; returns `false` to let the endpoint answer. */
export type PlainAnswer = (call: PlainCall) => unknown;

/** Creates a webhook without a framework that is correct except for `answer`. */
export function plainEndpoint(
  answer: PlainAnswer = () => false,
): RequestListener {
  return async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const isUnanswered = (await answer({ request, response, text })) === false;
    if (!isUnanswered) return;
    response.writeHead(hasSecret(request) ? 200 : 401).end();
  };
}

export function hasSecret({
  headers: { authorization = '' },
}: IncomingMessage) {
  return authorization.replace(/^bearer /i, '') === SECRET;
}

/** Returns the parsed body, or `undefined` if it is not JSON. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
