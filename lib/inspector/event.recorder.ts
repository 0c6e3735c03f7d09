import { Inject, Injectable } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import type { XeniooDelivery } from '../events/xenioo-delivery.js';
import { isInvalidEntry } from '../events/xenioo-event.table.js';
import type { XeniooHandlerResult } from '../handlers/xenioo-task.js';
import type {
  XeniooHandlerRun,
  XeniooObserver,
} from '../handlers/xenioo.observers.js';
import { approximateBytes } from './approximate-bytes.js';
import { HourOfMinutes } from './hour-of-minutes.js';
import {
  inspectEntry,
  shorten,
  type InspectedEvent,
  type InspectedResult,
} from './inspected-event.js';
import {
  INSPECTOR_SETTINGS,
  type InspectorSettings,
} from './inspector.options.js';

/** An event in memory. */
export interface RecordedEvent {
  readonly view: InspectedEvent;
  /** Absent if the entry is too large to be kept. */
  readonly entry: XeniooEntry | undefined;
  readonly bytes: number;
}

/** Is notified of changes. */
export interface RecorderListener {
  eventChanged(event: RecordedEvent): void;
  lettersChanged(): void;
}

/** Upper bound of the contents of one event that are kept. */
const MAX_EVENT_BYTES = 128 * 2 ** 10;

/** Upper bound of all contents that are kept. */
const MAX_BYTES = 32 * 2 ** 20;

/** Approximate size of an event without its contents. */
const VIEW_BYTES = 1_024;

const MAX_ERROR_LENGTH = 1_000;

/** Keeps the last events of this process with the results of their handlers, and counts them by minute. */
@Injectable()
export class EventRecorder implements XeniooObserver {
  readonly minutes = new HourOfMinutes();
  listener: RecorderListener | undefined;
  /** The event with the number `seq` is at `seq % keepEvents`. Private, so that printing the recorder shows no text. */
  readonly #events: (RecordedEvent | undefined)[] = [];
  readonly #byId = new Map<string, RecordedEvent>();
  private readonly startedAt = new WeakMap<XeniooHandlerRun, number>();
  private nextSeq = 1;
  private oldestSeq = 1;
  private bytes = 0;

  constructor(
    @Inject(INSPECTOR_SETTINGS) private readonly settings: InspectorSettings,
  ) {}

  deliveryAccepted({ receivedAt, entries }: XeniooDelivery): void {
    this.minutes.addAnswer(Math.max(0, Date.now() - receivedAt.getTime()));
    for (const entry of entries) {
      this.minutes.addEvent(isInvalidEntry(entry) ? 'invalid' : entry.typeName);
    }
    for (const entry of entries.slice(-this.settings.keepEvents)) {
      if (!this.#byId.has(entry.id)) this.add(entry);
    }
  }

  strike(): void {
    this.minutes.addStrike();
  }

  handlerStarted(run: XeniooHandlerRun): void {
    this.startedAt.set(run, performance.now());
    // With an inbox in memory, the first attempt comes before the answer.
    const event = this.#byId.get(run.event.id) ?? this.add(run.event);
    const { results } = event.view;
    const started: InspectedResult = {
      handler: run.handler,
      status: 'running',
      attempt: run.attempt,
    };
    const place = results.findIndex(({ handler }) => handler === run.handler);
    if (place === -1) results.push(started);
    else results[place] = started;
    this.listener?.eventChanged(event);
  }

  handlerFinished(run: XeniooHandlerRun, result: XeniooHandlerResult): void {
    const durationMs = this.durationOf(run);
    this.minutes.addHandlerRun(durationMs, result.status !== 'done');
    const event = this.#byId.get(run.event.id);
    const started = event?.view.results.find(
      ({ handler, attempt }) =>
        handler === run.handler && attempt === run.attempt,
    );
    if (!event || !started) return;
    started.status = result.status;
    if (durationMs !== undefined) {
      started.durationMs = Math.round(durationMs * 100) / 100;
    }
    if (result.status !== 'done') {
      const { message } = describeError(result.error);
      started.error = shorten(message, MAX_ERROR_LENGTH);
    }
    this.listener?.eventChanged(event);
  }

  deadLetterAdded(): void {
    this.listener?.lettersChanged();
  }

  replayed(): void {
    this.listener?.lettersChanged();
  }

  /** Returns the event with a number, if it is still kept. */
  get(seq: number): RecordedEvent | undefined {
    const event = this.#events[seq % this.settings.keepEvents];
    return event?.view.seq === seq ? event : undefined;
  }

  /** Lists events, the newest first. */
  list(limit: number, before = this.nextSeq): InspectedEvent[] {
    const page: InspectedEvent[] = [];
    let seq = Math.min(before, this.nextSeq) - 1;
    for (; seq >= this.oldestSeq && page.length < limit; seq--) {
      const event = this.get(seq);
      if (event) page.push(event.view);
    }
    return page;
  }

  /** Removes the events of a conversation. */
  erase(conversationId: string): void {
    for (const event of this.#byId.values()) {
      const { conversationId: id } = (event.entry ?? event.view) as {
        conversationId?: string;
      };
      if (id === conversationId) this.remove(event);
    }
  }

  private durationOf(run: XeniooHandlerRun): number | undefined {
    const startedAt = this.startedAt.get(run);
    this.startedAt.delete(run);
    return startedAt === undefined ? undefined : performance.now() - startedAt;
  }

  private add(entry: XeniooEntry): RecordedEvent {
    const { keepEvents, showText } = this.settings;
    const content = approximateBytes(entry.raw, MAX_EVENT_BYTES);
    const isKept = content <= MAX_EVENT_BYTES;
    const seq = this.nextSeq++;
    const event: RecordedEvent = {
      view: { seq, ...inspectEntry(entry, showText), results: [] },
      entry: isKept ? entry : undefined,
      bytes: VIEW_BYTES + (isKept ? content : 0),
    };
    if (seq - this.oldestSeq >= keepEvents) this.removeOldest();
    this.#events[seq % keepEvents] = event;
    this.#byId.set(entry.id, event);
    this.bytes += event.bytes;
    while (this.bytes > MAX_BYTES && this.oldestSeq < seq) this.removeOldest();
    this.listener?.eventChanged(event);
    return event;
  }

  private removeOldest(): void {
    const oldest = this.get(this.oldestSeq++);
    if (oldest) this.remove(oldest);
  }

  private remove(event: RecordedEvent): void {
    const { seq, id } = event.view;
    this.#events[seq % this.settings.keepEvents] = undefined;
    this.#byId.delete(id);
    this.bytes -= event.bytes;
  }
}
