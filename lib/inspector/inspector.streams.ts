import { Injectable, ServiceUnavailableException } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import {
  EventRecorder,
  type RecordedEvent,
  type RecorderListener,
} from './event.recorder.js';
import { InspectorStateReader } from './inspector.state.js';
import { frame, InspectorStream } from './inspector.stream.js';

const MAX_STREAMS = 100;

/** Time in which changes are collected before they are sent. */
const SEND_EVERY_MS = 100;
const STATE_EVERY_MS = 1_000;
const HEARTBEAT_EVERY_MS = 15_000;

/** Upper bound of the events that are sent at once. */
const MAX_EVENTS_AT_ONCE = 1_000;

/** Age at which a stream ends: the page connects again and passes the guards again. */
const MAX_AGE_MS = 3_600_000;

/**
 * Sends changes to the connected browsers. A timer sends them, as one text for all
 * browsers, so that no delivery waits for a browser.
 */
@Injectable()
export class InspectorStreams implements RecorderListener {
  private readonly streams = new Map<InspectorStream, number>();
  readonly #changed = new Set<RecordedEvent>();
  private dropped = 0;
  private haveLettersChanged = false;
  private timers: NodeJS.Timeout[] = [];
  private sentState = '';
  private isReadingState = false;
  private isClosed = false;

  constructor(
    recorder: EventRecorder,
    private readonly state: InspectorStateReader,
  ) {
    recorder.listener = this;
  }

  eventChanged(event: RecordedEvent): void {
    if (this.streams.size === 0) return;
    this.#changed.add(event);
    if (this.#changed.size <= MAX_EVENTS_AT_ONCE) return;
    const [oldest] = this.#changed;
    this.#changed.delete(oldest!);
    this.dropped++;
  }

  lettersChanged(): void {
    this.haveLettersChanged = true;
  }

  /** Opens a stream, which ends with its connection or with the application. */
  open(response: ServerResponse): void {
    if (this.isClosed || this.streams.size >= MAX_STREAMS) {
      throw new ServiceUnavailableException(
        this.isClosed
          ? 'the application shuts down'
          : `${MAX_STREAMS} browsers are connected already`,
      );
    }
    const stream = new InspectorStream(response, () => {
      // They may be among what was dropped.
      this.sentState = '';
      this.haveLettersChanged = true;
    });
    response.on('close', () => this.remove(stream));
    this.streams.set(stream, performance.now());
    // Sends the state to the new browser.
    this.sentState = '';
    if (this.timers.length === 0) this.startTimers();
    void this.sendState();
  }

  /** Ends every stream, before the server closes. */
  close(): void {
    this.isClosed = true;
    for (const stream of this.streams.keys()) stream.end();
  }

  private remove(stream: InspectorStream): void {
    this.streams.delete(stream);
    if (this.streams.size > 0) return;
    for (const timer of this.timers) clearInterval(timer);
    this.timers = [];
    this.#changed.clear();
    this.dropped = 0;
  }

  private startTimers(): void {
    this.haveLettersChanged = false;
    this.timers = [
      setInterval(() => this.sendChanges(), SEND_EVERY_MS),
      setInterval(() => void this.sendState(), STATE_EVERY_MS),
      setInterval(() => this.sendHeartbeat(), HEARTBEAT_EVERY_MS),
    ];
    for (const timer of this.timers) timer.unref();
  }

  private sendChanges(): void {
    const count = this.#changed.size;
    let text = '';
    for (const { view } of this.#changed) text += frame('event', view);
    if (this.haveLettersChanged) text += frame('letters', {});
    for (const stream of this.streams.keys()) {
      if (this.dropped > 0) stream.drop(this.dropped);
      if (text !== '') stream.send(text, count);
    }
    this.#changed.clear();
    this.dropped = 0;
    this.haveLettersChanged = false;
  }

  private async sendState(): Promise<void> {
    if (this.isReadingState) return;
    this.isReadingState = true;
    const text = frame('state', await this.state.read());
    this.isReadingState = false;
    if (text === this.sentState) return;
    this.sentState = text;
    for (const stream of this.streams.keys()) stream.send(text);
  }

  private sendHeartbeat(): void {
    for (const [stream, openedAt] of this.streams) {
      const isOld = performance.now() - openedAt > MAX_AGE_MS;
      if (isOld || stream.isStalled) stream.end();
      else stream.send(': heartbeat\n\n');
    }
  }
}
