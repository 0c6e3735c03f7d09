import { readFileSync } from 'node:fs';
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { text as textOf } from 'node:stream/consumers';
import type {
  Charts,
  HandlerResult,
  InspectedEvent,
  Letter,
  State,
} from '../../lib/inspector/page/contract.js';

const PAGE = fileURLToPath(
  new URL('../../dist/inspector/page', import.meta.url),
);

const FILES: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'app.js': 'text/javascript; charset=utf-8',
  'app.css': 'text/css; charset=utf-8',
  'icon.svg': 'image/svg+xml',
};

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const TEXTS = [
  'Hello, is anybody there?',
  'Where is my order 4711?',
  'I would like to change my address.',
  'Thank you!',
];

const TYPES = [
  [1, 'user-message'],
  [0, 'bot-message'],
  [1, 'user-message'],
  [8, 'user-connected'],
  [0, 'bot-message'],
  [7, 'unmatched-message'],
  [10, 'take-over'],
  [12, 'fallback'],
] as const;

const CHANNELS = ['WebChannel', 'WhatsAppChannel', 'TelegramChannel'];

/** Serves the page of the inspector and an API with generated contents. */
export class InspectorServer {
  readonly events: InspectedEvent[] = [];
  readonly texts = new Map<number, string>();
  letters: Letter[] = [];

  /** Reasons why dead letters can't be replayed, by their id. */
  readonly failures = new Map<string, string>();

  /** Value of `Authorization` that the API asks for. */
  authorization = '';

  /** Paths of the requests, with their methods. */
  readonly requests: string[] = [];

  state: State = {
    bots: ['support', 'sales'],
    urls: ['https://bots.example.com/xenioo/webhook'],
    readOnly: false,
    showText: false,
    isPaused: false,
    isSilent: false,
    strikes: 0,
    refused: 0,
    pending: 0,
    running: 0,
    retries: 0,
    deadLetters: 0,
    pid: 4711,
    startedAt: new Date().toISOString(),
    isShared: false,
  };

  private readonly streams = new Set<ServerResponse>();
  private server: Server | undefined;
  private port = 0;
  private lastSeq = 0;

  get url(): string {
    return `http://127.0.0.1:${this.port}/admin/inspector/`;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      this.answer(request, response).catch((error: unknown) => {
        send(response, 500, { statusCode: 500, message: String(error) });
      });
    });
    await new Promise<void>(resolve =>
      server.listen(this.port, '127.0.0.1', resolve),
    );
    this.port = (server.address() as AddressInfo).port;
    this.server = server;
  }

  async stop(): Promise<void> {
    await new Promise<void>(resolve => {
      this.server?.close(() => resolve());
      this.server?.closeAllConnections();
    });
  }

  /** Adds an event and sends it to the pages. */
  addEvent(fields: Partial<InspectedEvent> = {}): InspectedEvent {
    const seq = ++this.lastSeq;
    const [type, typeName] = TYPES[seq % TYPES.length]!;
    const hasText = typeName.endsWith('message');
    const event: InspectedEvent = {
      seq,
      id: `event-${seq}`,
      kind: 'event',
      type,
      typeName,
      bot: this.state.bots[seq % 5 === 0 ? 1 : 0]!,
      channel: CHANNELS[(seq % 7) % 3]!,
      conversationId: `conversation-${Math.floor(seq / 8) % 40}`,
      date: new Date().toISOString(),
      receivedAt: new Date().toISOString(),
      hasText,
      results: resultsOf(seq, typeName),
      ...fields,
    };
    if (hasText) this.texts.set(seq, TEXTS[seq % TEXTS.length]!);
    this.events.push(event);
    this.send('event', event);
    return event;
  }

  /** Sends an event again, as when a result was added. */
  resend(event: InspectedEvent): void {
    this.send('event', event);
  }

  /** Tells the pages that updates were dropped. */
  sendDropped(count: number): void {
    this.send('dropped', { count });
  }

  /** Changes the state and sends it to the pages. */
  setState(fields: Partial<State>): void {
    this.state = { ...this.state, ...fields };
    this.send('state', this.state);
  }

  addLetter(fields: Partial<Letter> = {}): void {
    const { results: _results, ...event } = this.addEvent({
      typeName: 'user-message',
      type: 1,
      hasText: true,
    });
    const count = this.letters.length;
    const handler = count % 3 === 0 ? 'Crm.saveMessage' : 'Search.indexMessage';
    const message =
      count % 3 === 0
        ? 'connect ECONNREFUSED 10.0.4.17:5432'
        : 'The index did not answer within 30000 ms';
    this.letters.push({
      id: `${event.id}.${handler}`,
      kind: 'event',
      handler,
      attempts: 10,
      error: {
        message,
        stack: `Error: ${message}\n    at Crm.saveMessage (/app/dist/crm.js:41:13)\n    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)`,
      },
      deadLetteredAt: new Date().toISOString(),
      event,
      ...fields,
    });
    this.lettersChanged();
  }

  addInvalid(): void {
    const { results: _results, ...event } = this.addEvent({
      kind: 'invalid',
      typeName: 'invalid',
      reason: 'invalid-fields',
      errors: ['[0].Type must be an integer', '[0].Date must be a date'],
      hasText: false,
      results: [],
    });
    this.letters.push({
      id: event.id,
      kind: 'invalid',
      deadLetteredAt: event.receivedAt,
      event,
    });
    this.lettersChanged();
  }

  private lettersChanged(): void {
    this.send('letters', {});
    this.setState({ deadLetters: this.letters.length });
  }

  private send(event: string, data: unknown): void {
    const message = `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
    for (const stream of this.streams) stream.write(message);
  }

  private async answer(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { pathname, searchParams } = new URL(request.url!, this.url);
    this.requests.push(`${request.method} ${pathname}`);
    const path = pathname.replace('/admin/inspector/', '') || 'index.html';
    const type = FILES[path];
    if (type) {
      response.writeHead(200, {
        'content-type': type,
        'content-security-policy': POLICY,
      });
      response.end(readFileSync(`${PAGE}/${path}`));
      return;
    }
    if (
      this.authorization &&
      request.headers.authorization !== this.authorization
    ) {
      send(response, 401, { statusCode: 401, message: 'Unauthorized' });
      return;
    }
    if (request.method === 'POST') {
      const body = JSON.parse(await textOf(request)) as Record<string, string>;
      const message = this.failures.get(body['id'] ?? '');
      if (message) send(response, 409, { statusCode: 409, message });
      else send(response, 200, await this.act(path, body));
      return;
    }
    if (path === 'api/stream') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': heartbeat\n\n');
      this.streams.add(response);
      response.on('close', () => this.streams.delete(response));
      return;
    }
    if (path === 'api/dead-letters/export') {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      const { letters } = this.list(searchParams);
      response.end(letters.map(({ id }) => `{"body":"${id}"}\n`).join(''));
      return;
    }
    const answer = this.read(path, searchParams);
    if (answer) send(response, 200, answer);
    else send(response, 404, { statusCode: 404, message: 'Not found' });
  }

  private read(path: string, query: URLSearchParams): object | undefined {
    if (path === 'api/state') return this.state;
    if (path === 'api/charts') return charts();
    if (path === 'api/events') {
      const before = Number(query.get('before') ?? Infinity);
      const older = this.events.filter(({ seq }) => seq < before);
      const limit = Number(query.get('limit'));
      return { events: older.toReversed().slice(0, limit) };
    }
    if (path === 'api/dead-letters') return this.list(query);
    const [, seq] = /^api\/text\/(\d+)$/.exec(path) ?? [];
    if (seq) {
      const text = this.texts.get(Number(seq));
      return { text, raw: { Type: 1, Data: text, UserName: 'Anna' } };
    }
    return path.endsWith('/raw') ? { raw: { Type: 'two' } } : undefined;
  }

  private list(query: URLSearchParams): { letters: Letter[] } {
    const after = query.get('after');
    const start = this.letters.findIndex(({ id }) => id === after) + 1;
    const fits = (name: string, value: string | undefined) =>
      !query.has(name) || query.get(name) === value;
    const letters = this.letters
      .slice(start)
      .filter(
        ({ kind, handler, event }) =>
          fits('kind', kind) &&
          fits('handler', handler) &&
          fits('bot', event.bot) &&
          fits('conversationId', event.conversationId),
      )
      .slice(0, Number(query.get('limit') ?? Infinity));
    return { letters };
  }

  private async act(
    path: string,
    { id, conversationId }: Record<string, string>,
  ): Promise<object> {
    if (path === 'api/pause' || path === 'api/resume') {
      this.setState({ isPaused: path === 'api/pause' });
      return this.state;
    }
    const before = this.letters.length;
    if (path === 'api/dead-letters/replay') await wait(20);
    this.letters = this.letters.filter(letter =>
      conversationId
        ? letter.event.conversationId !== conversationId
        : letter.id !== id,
    );
    this.lettersChanged();
    return path === 'api/dead-letters/replay'
      ? { replayed: 1 }
      : { removed: before - this.letters.length };
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'cache-control': 'no-store',
  });
  response.end(JSON.stringify(body));
}

function resultsOf(seq: number, typeName: string): HandlerResult[] {
  if (typeName === 'take-over') return [];
  const result = (handler: string, index: number): HandlerResult => {
    const durationMs = ((seq * 37 + index * 11) % 190) + 0.4;
    const common = { handler, attempt: 1, durationMs };
    if (seq % 23 === 0) {
      return { ...common, status: 'retry', error: 'socket hang up' };
    }
    if (seq % 31 === 0) {
      return {
        ...common,
        status: 'failed',
        attempt: 10,
        error: 'connect ECONNREFUSED 10.0.4.17:5432',
      };
    }
    return { ...common, status: 'done' };
  };
  const handlers = typeName.startsWith('user')
    ? ['Crm.saveMessage', 'Search.indexMessage']
    : ['Crm.saveMessage'];
  return handlers.map(result);
}

function charts(): Charts {
  const start = Math.floor(Date.now() / 60_000) * 60_000;
  const minutes = Array.from({ length: 60 }, (_, index) =>
    new Date(start - (59 - index) * 60_000).toISOString(),
  );
  const wave = (height: number, phase: number) =>
    minutes.map((_, index) =>
      Math.round(
        height * (1.2 + Math.sin(index / 6 + phase)) + ((index * 7919) % 5),
      ),
    );
  const sparse = (every: number) =>
    minutes.map((_, index) => (index % every === 7 ? 1 + (index % 3) : 0));
  return {
    minutes,
    events: {
      'user-message': wave(40, 0),
      'bot-message': wave(48, 0.2),
      'unmatched-message': wave(6, 1),
      'user-connected': wave(9, 2),
      'take-over': wave(2, 3),
      'hand-over': wave(2, 4),
      fallback: wave(3, 5),
    },
    failures: sparse(13),
    strikes: sparse(29),
    handlerMs: { p50: wave(12, 1), p95: wave(55, 1), p99: wave(130, 1.4) },
    answerMs: { p50: wave(2, 0), p95: wave(7, 0) },
  };
}
