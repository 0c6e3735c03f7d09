import * as http from 'node:http';
import * as https from 'node:https';
import { kindOf } from '../describe-value.js';
import { Dice } from './dice.js';
import { FailureCount } from './failure-count.js';
import { isBody, planCalls, type PlannedCall } from './plan-calls.js';
import { post, type XeniooAnswer } from './post.js';
import { randomSeed } from './seed.js';
import { Tally, type XeniooReport } from './xenioo-report.js';
import { heardByMany, waitUntil } from './wait-until.js';
import {
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
  private readonly url: URL;
  private readonly agent: http.Agent;
  private readonly count: FailureCount;
  private readonly dice: Dice;
  private readonly headers: Readonly<Record<string, string>>;
  private readonly timeoutMs: number;

  /** @throws {XeniooTestingError} when an option can't be */
  constructor(options: XeniooSenderOptions) {
    assertSenderOptions(options);
    const {
      url,
      secret,
      timeoutMs = 10_000,
      failures = 'total',
      headers = {},
      seed,
    } = options;
    this.url = new URL(url);
    const { Agent } = this.url.protocol === 'https:' ? https : http;
    this.agent = new Agent({ keepAlive: true });
    this.count = new FailureCount(failures);
    this.dice = new Dice(seed ?? randomSeed());
    this.timeoutMs = timeoutMs;
    this.headers = {
      'content-type': 'application/json',
      ...lowerCase(headers),
      authorization: `Bearer ${secret}`,
    };
  }

  /** Failed calls so far; in a row, where that is what counts. */
  get failures(): number {
    return this.count.failures;
  }

  /** How many more calls may fail before it stops: 10 at first. */
  get failuresLeft(): number {
    return this.count.left;
  }

  /** Why it stopped; absent as long as it calls. */
  get stopped(): string | undefined {
    return this.count.stopped;
  }

  /**
   * Makes one call: an object or an array as JSON, a string or bytes as they are.
   * @returns what came of it, whatever that is
   * @throws {XeniooSenderStoppedError} once too many calls failed
   */
  async call(
    body: unknown,
    {
      authorization,
      headers = {},
      chunked = false,
      timeoutMs,
      signal,
    }: XeniooCallOptions = {},
  ): Promise<XeniooAnswer> {
    if (this.stopped !== undefined) {
      throw new XeniooSenderStoppedError(this.stopped);
    }
    const bytes = isBody(body) ? body : (JSON.stringify(body) as unknown);
    if (!isBody(bytes)) {
      throw new XeniooTestingError(
        `Expected an entry, a list of them or a body as text, got ${kindOf(body)}.`,
      );
    }
    const answer = await post({
      url: this.url,
      body: bytes,
      headers: withoutNull({
        ...this.headers,
        ...(authorization !== undefined && { authorization }),
        ...lowerCase(headers),
      }),
      timeoutMs: timeoutMs ?? this.timeoutMs,
      agent: this.agent,
      chunked,
      signal,
    });
    this.count.add(answer);
    return answer;
  }

  /**
   * Sends an entry, or what a list or stream holds, one a call or grouped, until
   * all is sent or it stops; what was not sent then is lost. A string and bytes
   * are calls of their own, as they are.
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
    const make = async ({ body, events, isRepeated }: PlannedCall) => {
      const answer = await this.call(body);
      tally.add(answer, events, isRepeated);
      onCall?.(answer, soFar);
    };
    const calls = planCalls(entries, options, this.dice);
    const startedAt = performance.now();
    let turns = 0;
    const over = new AbortController();
    const noMoreTurns = heardByMany(over.signal, signal);
    const goesOn = () => !signal?.aborted && this.stopped === undefined;
    const work = async () => {
      while (goesOn()) {
        await waitUntil(startedAt + turns++ * intervalMs, noMoreTurns);
        const next = goesOn() ? await calls.next() : undefined;
        if (!next || next.done || !goesOn()) break;
        await make(next.value);
      }
      // Who waits for a turn would only learn then that nothing is left.
      over.abort();
    };
    await Promise.all(Array.from({ length: concurrency }, work));
    await calls.return(undefined);
    return soFar();
  }

  /** Counts from nothing and calls again, as when the bot is saved and published. */
  publish(): void {
    this.count.reset();
  }

  /** Closes the connections that are kept. A later call opens new ones. */
  close(): void {
    this.agent.destroy();
  }
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
