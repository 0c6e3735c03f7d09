import assert from 'node:assert/strict';
import type { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import { parseBody } from '../events/parse-body.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import type { XeniooEvent } from '../events/xenioo.event.js';
import type {
  XeniooAttempt,
  XeniooDispatch,
  XeniooProgress,
  XeniooSettlement,
} from '../handlers/xenioo.dispatch.js';
import { XeniooHandlerFailure } from '../handlers/xenioo-handler.failure.js';
import type { XeniooInbox } from '../inbox/xenioo.inbox.js';
import type {
  XeniooInboxSettings,
  XeniooInboxStorage,
} from './inbox-contract.js';

/** One call of the dispatcher. */
export interface Run extends XeniooAttempt {
  readonly entry: XeniooEntry;
  readonly at: number;
}

/** What the handlers of an entry come to. */
export type Behaviour = (run: Run) => unknown;

/** Inboxes at one place, and a dispatcher that does what the test says. */
export class Bench {
  /** Every call of the dispatcher, in order. */
  readonly runs: Run[] = [];
  /** What happened, in order, as a test notes it. */
  readonly steps: string[] = [];
  private readonly opened = new Set<XeniooInbox>();

  constructor(
    private readonly storage: XeniooInboxStorage,
    /** How long the inbox may take for what it must do. */
    private readonly waitMs: number,
  ) {}

  /** Opens an inbox; it answers at once and waits for nobody, unless told otherwise. */
  async open(
    settings: Partial<XeniooInboxSettings> = {},
  ): Promise<XeniooInbox> {
    const inbox = await this.storage.open({
      concurrency: 32,
      dedupe: { ttlSeconds: 3_600, maxIds: 1_000 },
      acknowledgeWithinMs: 0,
      maxPending: 100_000,
      acceptTimeoutMs: 5_000,
      ...settings,
    });
    this.opened.add(inbox);
    return inbox;
  }

  /** Opens an inbox and starts it. A settlement of the handlers is what they return, if anything. */
  async start(
    behaviour: Behaviour = () => undefined,
    settings?: Partial<XeniooInboxSettings>,
  ): Promise<XeniooInbox> {
    const inbox = await this.open(settings);
    await inbox.start(this.dispatch(behaviour));
    return inbox;
  }

  dispatch(behaviour: Behaviour): XeniooDispatch {
    return async (entry, attempt = {}) => {
      const run = { entry, ...attempt, at: Date.now() };
      this.runs.push(run);
      const result = await behaviour(run);
      return (result as XeniooSettlement | undefined) ?? settled();
    };
  }

  async stop(inbox: XeniooInbox, timeoutMs = this.waitMs): Promise<void> {
    this.opened.delete(inbox);
    await inbox.stop(timeoutMs);
  }

  /** Waits until something is so. */
  async until(isSo: () => boolean, what: string): Promise<void> {
    const latest = Date.now() + this.waitMs;
    while (!isSo()) {
      assert.ok(Date.now() < latest, `waited ${this.waitMs} ms until ${what}`);
      await new Promise(resolve => setTimeout(resolve, 2));
    }
  }

  /** Stops what was opened and not stopped. */
  async clear(): Promise<void> {
    for (const inbox of this.opened) await this.stop(inbox, 0);
  }

  /** The ids that were dispatched, in order. */
  get ids(): string[] {
    return this.runs.map(({ entry }) => entry.id);
  }
}

/** Every handler is done. */
export function settled(
  told: Partial<XeniooSettlement> = {},
): XeniooSettlement {
  return {
    progress: { attempted: true, done: ['Crm.save'], failed: [] },
    failures: [],
    announce: async () => {},
    ...told,
  };
}

/** One handler is to be tried again. */
export function toBeRetried(inMs: number, attempts = 1): XeniooSettlement {
  const retryAt = Date.now() + inMs;
  const progress: XeniooProgress = {
    attempted: true,
    done: ['Crm.save'],
    failed: [{ handler: 'Crm.tell', attempts, retryAt }],
  };
  return settled({ progress, retryAt });
}

/** One handler gives up, or several. */
export function givenUp(
  entry: XeniooEntry,
  handlers: readonly string[] = ['Crm.save'],
  announce: () => Promise<void> = async () => {},
): XeniooSettlement {
  const failures = handlers.map(
    handler =>
      new XeniooHandlerFailure(
        entry as XeniooEvent,
        handler,
        new Error(`${handler} is broken`),
        3,
      ),
  );
  return settled({ failures, announce });
}

/** What the body of a call becomes. */
export function entriesOf(body: unknown): XeniooEntry[] {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const bot = { name: 'default', secrets: ['secret'] };
  return parseBody(text, { bot, receivedAt: new Date() });
}

let made = 0;

/** An event with a date, of one conversation or of none. */
export function datedEvent(
  conversation?: string,
  date = dateOf(made),
): XeniooEvent {
  return eventOf({
    Type: 1,
    Data: `message ${++made}`,
    Date: date,
    ConversationId: conversation ?? null,
  });
}

/** An event without a date. */
export function undatedEvent(): XeniooEvent {
  return eventOf({ Type: 8 });
}

export function invalidEntry(): InvalidXeniooEntry {
  return entriesOf({ Type: 'none' })[0] as InvalidXeniooEntry;
}

function eventOf(entry: object): XeniooEvent {
  return entriesOf(entry)[0] as XeniooEvent;
}

function dateOf(tick: number): string {
  return `2024-05-01T12:00:00.${String(tick % 10_000_000).padStart(7, '0')}+00:00`;
}

/** A promise that the test settles. */
export function gate(): { opened: Promise<void>; open: () => void } {
  let open!: () => void;
  const opened = new Promise<void>(resolve => (open = resolve));
  return { opened, open };
}
