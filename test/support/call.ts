/** One call as Xenioo makes it. */
export interface Call {
  /** `null` sends no such header. */
  readonly authorization?: string | null;
  readonly headers?: Record<string, string>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Sends a body, as it is where it is a string or bytes, as JSON otherwise. */
export async function call(
  url: string,
  body: unknown,
  { authorization = 'Bearer right-secret', headers = {} }: Call = {},
): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(authorization !== null && { authorization }),
      ...headers,
    },
    body:
      typeof body === 'string' || body instanceof Uint8Array
        ? body
        : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text };
}
