import type {
  IncomingMessage,
  RequestListener,
  ServerResponse,
} from 'node:http';

export const SECRET = 'a-secret/of "this" test';

/** What an endpoint got. */
export interface PlainCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly text: string;
}

/** Answers a call its own way; returns `false` to leave it to the endpoint. */
export type PlainAnswer = (call: PlainCall) => unknown;

/** A webhook without a framework that does what Xenioo expects, but for what `answer` does. */
export function plainEndpoint(
  answer: PlainAnswer = () => false,
): RequestListener {
  return async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const isLeftToUs = (await answer({ request, response, text })) === false;
    if (!isLeftToUs) return;
    response.writeHead(hasSecret(request) ? 200 : 401).end();
  };
}

export function hasSecret({
  headers: { authorization = '' },
}: IncomingMessage) {
  return authorization.replace(/^bearer /i, '') === SECRET;
}

/** A body as it came, or `undefined` where it is not JSON. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
