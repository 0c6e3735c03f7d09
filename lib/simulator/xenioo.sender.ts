import * as http from 'node:http';
import * as https from 'node:https';
import { kindOf } from '../options/describe-value.js';
import { FailureCount } from './failure-count.js';
import { isBody, planCalls } from './plan-calls.js';
import { post, type XeniooAnswer } from './post.js';
import { randomSeed, SeededRandom } from './seeded-random.js';
import { sendCalls } from './send-calls.js';
import type { XeniooReport } from './xenioo-report.js';
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
 * Sends entries to a webhook over HTTP as Xenioo does. Stops when more than 10 calls
 * failed, until `publish()` is called.
 *
 * @example
 * ```ts
 * const sender = new XeniooSender({ url, secret });
 * const report = await sender.send(xeniooConversation());
 * sender.close();
 * ```
 */
export class XeniooSender {
  // Private at run time, so that the diff of a failed assertion does not print the secret.
  readonly #url: URL;
  readonly #agent: http.Agent;
  readonly #count: FailureCount;
  readonly #random: SeededRandom;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #timeoutMs: number;

  /** @throws {XeniooTestingError} when an option is invalid */
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
    this.#random = new SeededRandom(seed ?? randomSeed());
    this.#timeoutMs = timeoutMs;
    this.#headers = {
      'content-type': 'application/json',
      ...lowerCase(headers),
      authorization: `Bearer ${secret}`,
    };
  }

  /** Number of failed calls so far; of those in a row with `failures: 'consecutive'`. */
  get failures(): number {
    return this.#count.failures;
  }

  /** Number of further calls that may fail before the sender stops: 10 at first. */
  get failuresLeft(): number {
    return this.#count.left;
  }

  /** Reason why the sender stopped; absent as long as it calls. */
  get stopped(): string | undefined {
    return this.#count.stopped;
  }

  /**
   * Makes one call: an object or an array as JSON, a string or bytes as they are.
   * @returns the answer, or the failure as an answer without a status
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
   * Sends an entry, or the entries of a list or stream, one per call or grouped, until
   * all are sent or the sender stops. A string or bytes are the body of one call. An
   * error of the list, the stream or `onCall` rejects once the pending calls have ended.
   * @throws {XeniooTestingError} when an option is invalid
   */
  async send(
    entries: unknown,
    options: XeniooSendOptions = {},
  ): Promise<XeniooReport> {
    assertSendOptions(options);
    const { concurrency = 1, intervalMs = 0, signal, onCall } = options;
    return sendCalls(this, planCalls(entries, options, this.#random), {
      concurrency,
      startAfterMs: (_call, index) => index * intervalMs,
      signal,
      onCall,
    });
  }

  /** Resets the count of failures and calls again, as Xenioo does when the bot is published. */
  publish(): void {
    this.#count.reset();
  }

  /** Closes the kept connections. A later call opens new ones. */
  close(): void {
    this.#agent.destroy();
  }
}

function bodyOf(given: unknown): string | Uint8Array {
  const body = isBody(given) ? given : (JSON.stringify(given) as unknown);
  if (isBody(body)) return body;
  throw new XeniooTestingError(
    `Expected an entry, a list of entries or a body as text, got ${kindOf(given)}.`,
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
