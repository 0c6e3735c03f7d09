import type { ServerResponse } from 'node:http';
import type { XeniooBotSettings } from '../xenioo.options.js';
import { answer } from './answer.js';
import type { XeniooHookRecorder } from './xenioo.hook-recorder.js';

/** How long what the host hangs before the controller may keep a call from it. */
const REACHES_CONTROLLER_WITHIN_MS = 5_000;

/**
 * A call with the right secret, its body read. Gets one answer, is taken once,
 * and counts as a strike when the answer is not 200, whoever gives it.
 */
export class XeniooCall {
  private isTaken = false;
  private isAnsweredHere = false;
  private readonly watch: NodeJS.Timeout;

  constructor(
    readonly bot: XeniooBotSettings,
    readonly body: string,
    readonly receivedAt: Date,
    private readonly response: ServerResponse,
    private readonly recorder: XeniooHookRecorder,
  ) {
    this.watch = setTimeout(
      () =>
        this.refuse(
          503,
          'something of the application, as an interceptor that does not call its handler, kept it from the controller',
        ),
      REACHES_CONTROLLER_WITHIN_MS,
    );
    response
      .once('finish', () => this.countAnswerOfHost())
      .once('close', () => clearTimeout(this.watch));
  }

  /** Whether the controller has it: then it is the controller that answers. */
  get taken(): boolean {
    return this.isTaken;
  }

  /** Takes it, unless it was taken or answered before: an interceptor may run the controller again. */
  take(): boolean {
    clearTimeout(this.watch);
    if (this.isTaken || this.response.headersSent) return false;
    this.isTaken = true;
    return true;
  }

  /** Answers 200. */
  accept(hasEvents: boolean): void {
    if (!this.answer(200)) return;
    this.recorder.accept(this.receivedAt, hasEvents);
  }

  /** Answers otherwise, which is a strike. */
  refuse(status: number, reason: string, messages?: readonly string[]): void {
    if (!this.answer(status, messages)) return;
    this.recorder.strike({ status, bot: this.bot.name, reason });
  }

  private answer(status: number, messages?: readonly string[]): boolean {
    if (this.response.headersSent) return false;
    this.isAnsweredHere = true;
    return answer(this.response, status, messages);
  }

  private countAnswerOfHost(): void {
    const { statusCode } = this.response;
    if (this.isAnsweredHere || statusCode === 200) return;
    this.recorder.strike({
      status: statusCode,
      bot: this.bot.name,
      reason:
        'something of the application, a middleware, guard, interceptor or filter, answered in its place; keep that away from the webhook',
    });
  }
}
