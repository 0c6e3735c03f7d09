import type { ServerResponse } from 'node:http';
import type { XeniooBotSettings } from '../options/xenioo.options.js';
import { answer } from './answer.js';
import { CallWatch } from './call-watch.js';
import type { XeniooHookRecorder } from './xenioo.hook-recorder.js';

/** How long what the host hangs before the controller may keep a call from it. */
const REACHES_CONTROLLER_WITHIN_MS = 5_000;

/** Makes what watches that calls reach the controller. */
export function createCallWatch(): CallWatch {
  return new CallWatch(REACHES_CONTROLLER_WITHIN_MS);
}

/**
 * A call with the right secret, its body read. Gets one answer, is taken once,
 * and counts as a strike when the answer is not 200, whoever gives it. It hangs
 * on the request, where loggers must find nothing to print.
 */
export class XeniooCall {
  readonly #bot: XeniooBotSettings;
  readonly #body: string;
  readonly #receivedAt: Date;
  readonly #response: ServerResponse;
  readonly #recorder: XeniooHookRecorder;
  readonly #watch: CallWatch;
  #isTaken = false;
  #isAnsweredHere = false;

  constructor(
    bot: XeniooBotSettings,
    body: string,
    receivedAt: Date,
    response: ServerResponse,
    recorder: XeniooHookRecorder,
    watch = createCallWatch(),
  ) {
    this.#bot = bot;
    this.#body = body;
    this.#receivedAt = receivedAt;
    this.#response = response;
    this.#recorder = recorder;
    this.#watch = watch;
    watch.begin(this);
    response.on('finish', () => this.finish());
  }

  get bot(): XeniooBotSettings {
    return this.#bot;
  }

  get body(): string {
    return this.#body;
  }

  get receivedAt(): Date {
    return this.#receivedAt;
  }

  /** Whether the controller has it: then it is the controller that answers. */
  get taken(): boolean {
    return this.#isTaken;
  }

  /** Whether it has reached neither the controller nor an answer. */
  get isWaiting(): boolean {
    return !this.#isTaken && !this.#response.headersSent;
  }

  /** Takes it, unless it was taken or answered before: an interceptor may run the controller again. */
  take(): boolean {
    this.#watch.end(this);
    if (this.#isTaken || this.#response.headersSent) return false;
    this.#isTaken = true;
    return true;
  }

  /** Answers in place of the controller, which it has not reached. */
  timeOut(): void {
    this.refuse(
      503,
      'something of the application, as an interceptor that does not call its handler, kept it from the controller',
    );
  }

  /** Answers 200. */
  accept(hasEvents: boolean): void {
    if (!this.answer(200)) return;
    this.#recorder.accept(this.#receivedAt, hasEvents);
  }

  /** Answers otherwise, which is a strike. */
  refuse(status: number, reason: string, messages?: readonly string[]): void {
    if (!this.answer(status, messages)) return;
    this.#recorder.strike({ status, bot: this.#bot.name, reason });
  }

  private answer(status: number, messages?: readonly string[]): boolean {
    if (!answer(this.#response, status, messages)) return false;
    this.#isAnsweredHere = true;
    return true;
  }

  private finish(): void {
    if (this.#isAnsweredHere) return;
    this.#watch.end(this);
    const { statusCode } = this.#response;
    if (statusCode === 200) return;
    this.#recorder.strike({
      status: statusCode,
      bot: this.#bot.name,
      reason:
        'something of the application, a middleware, guard, interceptor or filter, answered in its place; keep that away from the webhook',
    });
  }
}
