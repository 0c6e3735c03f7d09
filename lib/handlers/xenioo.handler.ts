import { isPromise } from 'node:util/types';
import { isObservable, lastValueFrom } from 'rxjs';
import { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import { XENIOO_EVENT_TABLE } from '../events/xenioo-event.table.js';
import type { XeniooEvent } from '../events/xenioo.event.js';
import type { XeniooRetryOptions } from '../options/xenioo-retry.js';
import type { EventSubscription, Subscription } from './subscription.js';
import { XeniooHandlerFailure } from './xenioo-handler.failure.js';

/** What a decorated method may get. */
export type Handled = XeniooEntry | XeniooHandlerFailure;

/** One decorated method of the host. */
export class XeniooHandler {
  constructor(
    /** `Class.method`, or the `name` option: what records and log lines call it. */
    readonly name: string,
    private readonly subscriptions: readonly Subscription[],
    /** Calls the method on its instance, which a request-scoped class has made for each value. */
    private readonly call: (value: Handled) => unknown,
  ) {}

  /** What its decorators say of retries, if anything. */
  get retry(): XeniooRetryOptions | false | undefined {
    for (const { to, ...given } of this.subscriptions) {
      if (to === 'events' && 'retry' in given) return given.retry;
    }
    return undefined;
  }

  /** Whether the value is one for this method. Throws what a `when` throws. */
  matches(value: Handled): boolean {
    for (const subscription of this.subscriptions) {
      if (isFor(subscription, value)) return true;
    }
    return false;
  }

  /**
   * Runs the method, and tells when it has come to its end, an Observable that it
   * returns too; at once where it returned nothing to wait for. A guard of its own
   * may skip it. Throws what the method throws.
   */
  handle(value: Handled): Promise<void> | undefined {
    const result = this.call(value);
    return result === undefined || result === null ? undefined : endOf(result);
  }

  /** What it handles, for the boot log. */
  describe(): string {
    return this.subscriptions.map(describeSubscription).join(' and ');
  }
}

function isFor(subscription: Subscription, value: Handled): boolean {
  if (value instanceof InvalidXeniooEntry) return subscription.to === 'invalid';
  if (value instanceof XeniooHandlerFailure) {
    return subscription.to === 'failed';
  }
  return subscription.to === 'events' && includes(subscription, value);
}

/** Of what may be a promise, of this realm or of another, or an Observable. */
async function endOf(result: unknown): Promise<void> {
  const value: unknown = await result;
  if (!isObservable(value)) return;
  await lastValueFrom(value, { defaultValue: undefined });
}

function includes(
  { types, bots, channels, when }: EventSubscription,
  event: XeniooEvent,
): boolean {
  return (
    (types?.has(event.type) ?? true) &&
    (bots?.has(event.bot) ?? true) &&
    (channels?.has(event.channel ?? '') ?? true) &&
    (when === undefined || isMet(when(event)))
  );
}

/** An answer that is still to come would let every event through. */
function isMet(answer: unknown): boolean {
  if (!isPromise(answer)) return Boolean(answer);
  answer.catch(() => {});
  throw new TypeError('`when` must answer at once, and gave a promise');
}

function describeSubscription(subscription: Subscription): string {
  if (subscription.to === 'invalid') return 'invalid entries';
  if (subscription.to === 'failed') return 'failures of handlers';
  const { types, bots, channels, when } = subscription;
  const names = types && [...types].map(t => XENIOO_EVENT_TABLE[t].typeName);
  return [
    names?.join(', ') ?? 'every event',
    ...(bots ? [`of bot ${[...bots].join(', ')}`] : []),
    ...(channels ? [`on ${[...channels].join(', ')}`] : []),
    ...(when ? ['on a condition'] : []),
  ].join(' ');
}
