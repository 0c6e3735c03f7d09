import * as http from 'node:http';
import * as https from 'node:https';
import { kindOf } from '../options/describe-value.js';
import { Dice } from './dice.js';
import { FailureCount } from './failure-count.js';
import { isBody, planCalls, type PlannedCall } from './plan-calls.js';
import { post, type XeniooAnswer } from './post.js';
import { randomSeed } from './seed.js';
import { Turns } from './turns.js';
import { Tally, type XeniooReport } from './xenioo-report.js';
import {
  assertCallOptions,
  assertSenderOptions,
  assertSendOptions,
} from './xenioo.sender-options.check.js';
import type {
  XeniooCallOptions,
  XeniooSenderOptions,
  XeniooSendOptions,
} from './xenioo.sender-options.js';
import {
  XeniooSenderStoppedError,
  XeniooTestingError,
} from './xenioo-testing.errors.js';

/**
 * Plays the Xenioo service: sends entries to a webhook over HTTP, and stops for
 * good when more than 10 calls were not answered 200.
 *
 * @example
 * ```ts
 * const sender = new XeniooSender({ url, secret });
 * const report = await sender.send(xeniooConversation());
 * sender.close();
 * ```
 */
export class XeniooSender {
  // Out of sight of what prints a sender, as the diff of a failed assertion: it holds the secret.
  readonly #url: URL;
  readonly #agent: http.Agent;
  readonly #count: FailureCount;
  readonly #dice: Dice;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #timeoutMs: number;

  /** @throws {XeniooTestingError} when an option can't be */
  constructor(options: XeniooSenderOptions) {
    assertSenderOptions(options);
    const {
      url,
      secret,
      timeoutMs = 10_000,
      failures = 'total',
      headers = {},
      rejectUnauthorized = true,
      seed,
    } = options;
    this.#url = new URL(url);
    this.#agent =
      this.#url.protocol === 'https:'
        ? new https.Agent({ keepAlive: true, rejectUnauthorized })
        : new http.Agent({ keepAlive: true });
    this.#count = new FailureCount(failures);
    this.#dice = new Dice(seed ?? randomSeed());
    this.#timeoutMs = timeoutMs;
    this.#headers = {
      'content-type': 'application/json',
      ...lowerCase(headers),
      authorization: `Bearer ${secret}`,
    };
  }

  /** Failed calls so far; in a row, where that is what counts. */
  get failures(): number {
    return this.#count.failures;
  }

  /** How many more calls may fail before it stops: 10 at first. */
  get failuresLeft(): number {
    return this.#count.left;
  }

  /** Why it stopped; absent as long as it calls. */
  get stopped(): string | undefined {
    return this.#count.stopped;
  }

  /**
   * Makes one call: an object or an array as JSON, a string or bytes as they are.
   * @returns what came of it, whatever that is
   * @throws {XeniooSenderStoppedError} once too many calls failed
   */
  async call(
    body: unknown,
    options: XeniooCallOptions = {},
  ): Promise<XeniooAnswer> {
    if (this.stopped !== undefined) {
      throw new XeniooSenderStoppedError(this.stopped);
    }
    assertCallOptions(options);
    const { authorization, headers = {}, chunked = false, signal } = options;
    const answer = await post({
      url: this.#url,
      body: bodyOf(body),
      headers: withoutNull({
        ...this.#headers,
        ...(authorization !== undefined && { authorization }),
        ...lowerCase(headers),
      }),
      timeoutMs: options.timeoutMs ?? this.#timeoutMs,
      agent: this.#agent,
      chunked,
      signal,
    });
    this.#count.add(answer);
    return answer;
  }

  /**
   * Sends an entry, or what a list or stream holds, one a call or grouped, until
   * all is sent or it stops; what was not sent then is lost. A string and bytes
   * are calls of their own, as they are. Rejects with what the list, the stream
   * or `onCall` throws, when the calls under way are answered.
   * @throws {XeniooTestingError} when an option can't be
   */
  async send(
    entries: unknown,
    options: XeniooSendOptions = {},
  ): Promise<XeniooReport> {
    assertSendOptions(options);
    const { concurrency = 1, intervalMs = 0, signal, onCall } = options;
    const tally = new Tally();
    const soFar = () => tally.report(this.failuresLeft, this.stopped);
    const goesOn = () => this.stopped === undefined;
    const make = async ({ body, events, isRepeated }: PlannedCall) => {
      if (!goesOn()) return false;
      const answer = await this.call(body);
      tally.add(answer, events, isRepeated);
      onCall?.(answer, soFar, body);
      return goesOn();
    };
    const calls = planCalls(entries, options, this.#dice);
    const pace = { concurrency, intervalMs, signal };
    if (goesOn()) await new Turns(calls, make, pace).take();
    return soFar();
  }

  /** Counts from nothing and calls again, as when the bot is saved and published. */
  publish(): void {
    this.#count.reset();
  }

  /** Closes the connections that are kept. A later call opens new ones. */
  close(): void {
    this.#agent.destroy();
  }
}

function bodyOf(given: unknown): string | Uint8Array {
  const body = isBody(given) ? given : (JSON.stringify(given) as unknown);
  if (isBody(body)) return body;
  throw new XeniooTestingError(
    `Expected an entry, a list of them or a body as text, got ${kindOf(given)}.`,
  );
}

function lowerCase<T>(headers: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

function withoutNull(
  headers: Readonly<Record<string, string | null>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(
      (header): header is [string, string] => header[1] !== null,
    ),
  );
}
