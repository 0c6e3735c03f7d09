import {
  request,
  type Agent,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http';

export type Bytes = string | Uint8Array;

/** A request to the byte: no header is added but `Host`, and `Content-Length` or `Transfer-Encoding`. */
export interface Sent {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  /** A list goes out in chunks, without a length. */
  readonly body?: Bytes | readonly Bytes[];
  readonly agent?: Agent;
}

export interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** As it came, compressed or not. */
  readonly body: Buffer;
}

/** Makes one request, with nothing of what `fetch` adds or hides. */
export function send(
  url: string,
  { method = 'POST', headers = {}, body, agent }: Sent = {},
): Promise<Got> {
  return new Promise((resolve, reject) => {
    const length =
      typeof body === 'string' || body instanceof Uint8Array
        ? { 'content-length': Buffer.byteLength(body) }
        : {};
    const outgoing = request(url, {
      method,
      headers: { ...length, ...headers },
      ...(agent && { agent }),
    });
    outgoing.on('error', reject);
    outgoing.on('response', response => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          body: Buffer.concat(chunks),
        }),
      );
    });
    for (const chunk of chunksOf(body)) outgoing.write(chunk);
    outgoing.end();
  });
}

function chunksOf(body: Sent['body']): readonly Bytes[] {
  if (body === undefined || body.length === 0) return [];
  return typeof body === 'string' || body instanceof Uint8Array ? [body] : body;
}
