import { signal } from '@preact/signals';

const STORED_UNDER = 'nestjs-xenioo.inspector.authorization';

/** Value of the `Authorization` header. It ends with the browser tab. */
export const authorization = signal(sessionStorage.getItem(STORED_UNDER) ?? '');

/** True while the page asks for the value. */
export const isAuthorizationNeeded = signal(false);

/** Stores the value for this browser tab; an empty one is forgotten. */
export function setAuthorization(value: string): void {
  authorization.value = value;
  isAuthorizationNeeded.value = false;
  if (value) sessionStorage.setItem(STORED_UNDER, value);
  else sessionStorage.removeItem(STORED_UNDER);
}

/** An answer of the API other than 2xx. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Calls the API.
 * @throws {ApiError} when the answer is not 2xx
 */
export async function call(
  path: string,
  init: RequestInit = {},
): Promise<Response> {
  const headers = new Headers(init.headers);
  if (authorization.value) headers.set('authorization', authorization.value);
  const response = await fetch(`api/${path}`, { ...init, headers });
  if (response.ok) return response;
  if (response.status === 401) isAuthorizationNeeded.value = true;
  throw new ApiError(response.status, await messageOf(response));
}

async function messageOf(response: Response): Promise<string> {
  const fallback = `The server answered ${response.status}.`;
  try {
    const { message } = (await response.json()) as { message?: unknown };
    return typeof message === 'string' ? message : fallback;
  } catch {
    return fallback;
  }
}

/** Reads JSON from the API. */
export async function get<T>(
  path: string,
  query: Readonly<Record<string, string | number | undefined>> = {},
): Promise<T> {
  const response = await call(`${path}${queryOf(query)}`);
  return (await response.json()) as T;
}

/** Formats the given fields of a query, with `?` if there are any. */
export function queryOf(
  fields: Readonly<Record<string, string | number | undefined>>,
): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && value !== '') query.set(name, String(value));
  }
  return query.size ? `?${query}` : '';
}

/** Runs an action of the API. */
export async function post<T>(path: string, body: object = {}): Promise<T> {
  const response = await call(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return (await response.json()) as T;
}

/** Saves an answer of the API as a file. */
export async function download(path: string, fileName: string): Promise<void> {
  const response = await call(path);
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement('a');
  link.href = url;
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Explains an error of a call in a sentence. */
export function explain(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  if (error instanceof TypeError) return 'The server can’t be reached.';
  if (error instanceof SyntaxError) {
    return 'The server’s answer is not JSON. You may have to log in to the application.';
  }
  return String(error instanceof Error ? error.message : error);
}

interface ServerSentEvent {
  readonly event: string;
  readonly data: string;
}

/** Parses the events of the stream, each of which has one line of data. A heartbeat yields an event without data. */
export async function* readEvents(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<ServerSentEvent> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split('\n\n');
    rest = blocks.pop()!;
    for (const block of blocks) {
      const [, event = '', data = ''] =
        /^event: (.*)\ndata: (.*)$/s.exec(block) ?? [];
      yield { event, data };
    }
  }
}
