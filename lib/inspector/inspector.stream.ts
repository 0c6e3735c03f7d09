import type { ServerResponse } from 'node:http';
import type { Http2Stream } from 'node:http2';
import { API_HEADERS } from './answer.js';

/** Upper bound of the text that waits for a slow browser, in characters. */
const MAX_WAITING_LENGTH = 2 ** 20;

/** Time after which a browser that reads nothing is disconnected. */
const STALLED_AFTER_MS = 60_000;

/** Time in which a stream that was ended must be read. */
const END_WITHIN_MS = 500;

interface Frames {
  readonly text: string;
  /** Number of events in the text. */
  readonly count: number;
}

/** Formats a server-sent event. */
export function frame(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

/**
 * Stream of server-sent events to one browser. If the browser reads slowly, the
 * oldest events are dropped, and an event `dropped` has their number.
 */
export class InspectorStream {
  /** Private, since its request has the credential of the browser. */
  readonly #response: ServerResponse;
  private waiting: Frames[] = [];
  private waitingLength = 0;
  private dropped = 0;
  private blockedSince: number | undefined;

  constructor(
    response: ServerResponse,
    /** Called when the browser reads again after events were dropped. */
    private readonly onCaughtUp: () => void,
  ) {
    this.#response = response;
    response.writeHead(200, {
      ...API_HEADERS,
      'content-type': 'text/event-stream; charset=utf-8',
      // `no-transform` keeps compression from holding events back.
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
      // Otherwise the connection would stay open and keep the server from closing.
      ...(!isHttp2(response) && { connection: 'close' }),
    });
    response.flushHeaders();
    response.on('drain', () => this.drain());
    // The error of a broken connection; `close` follows.
    response.on('error', () => {});
  }

  send(text: string, count = 0): void {
    if (this.blockedSince === undefined) {
      this.write(text);
      return;
    }
    this.waiting.push({ text, count });
    this.waitingLength += text.length;
    while (this.waitingLength > MAX_WAITING_LENGTH) {
      const oldest = this.waiting.shift()!;
      this.waitingLength -= oldest.text.length;
      this.dropped += oldest.count;
    }
  }

  /** Adds to the number of dropped events. */
  drop(count: number): void {
    this.dropped += count;
    if (this.blockedSince === undefined) this.reportDropped();
  }

  /** True if the browser has read nothing for a minute. */
  get isStalled(): boolean {
    return (
      this.blockedSince !== undefined &&
      performance.now() - this.blockedSince > STALLED_AFTER_MS
    );
  }

  /** Ends the stream. A browser that reads nothing is disconnected. */
  end(): void {
    if (this.blockedSince !== undefined) {
      this.disconnect();
      return;
    }
    this.#response.end();
    const timer = setTimeout(() => this.disconnect(), END_WITHIN_MS).unref();
    this.#response.on('close', () => clearTimeout(timer));
  }

  private disconnect(): void {
    const response = this.#response;
    if (isHttp2(response)) response.stream.close();
    else response.destroy();
  }

  private write(text: string): void {
    if (!this.#response.write(text)) this.blockedSince = performance.now();
  }

  private drain(): void {
    this.blockedSince = undefined;
    this.reportDropped();
    while (this.blockedSince === undefined) {
      const next = this.waiting.shift();
      if (!next) return;
      this.waitingLength -= next.text.length;
      this.write(next.text);
    }
  }

  private reportDropped(): void {
    if (this.dropped === 0) return;
    this.write(frame('dropped', { count: this.dropped }));
    this.dropped = 0;
    this.onCaughtUp();
  }
}

function isHttp2(
  response: ServerResponse,
): response is ServerResponse & { readonly stream: Http2Stream } {
  return 'stream' in response;
}
