import {
  Catch,
  HttpException,
  Injectable,
  Logger,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import { describeError } from '../describe-error.js';
import { answer } from './answer.js';
import { rawRequest, rawResponse } from './raw-http.js';
import { XeniooGate } from './xenioo.gate.js';
import { XeniooHookRecorder } from './xenioo.hook-recorder.js';

/** What a guard of the host answers when it denies or throttles. */
const DENIALS = new Set([401, 403, 429]);

/** Answers for what the host's guards and interceptors throw on our route, before a filter of the host can. */
@Catch()
@Injectable()
export class XeniooFilter implements ExceptionFilter {
  private readonly logger = new Logger('Xenioo');

  constructor(
    private readonly gate: XeniooGate,
    private readonly recorder: XeniooHookRecorder,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const call = this.gate.callOf(rawRequest(http.getRequest()));
    const response = rawResponse(http.getResponse());
    const { message, stack } = describeError(error);
    if (response.headersSent) {
      // Without a call it is our own guard that refused, and has answered.
      if (!call) return;
      this.logger.error(
        `Something of the application failed on a call that was already answered: ${message}`,
        stack,
      );
      return;
    }
    const status = error instanceof HttpException ? error.getStatus() : 503;
    if (!call) {
      // Something of the host was asked before the secret was.
      answer(response, DENIALS.has(status) ? status : 503);
      return;
    }
    if (DENIALS.has(status)) {
      this.recorder.strike({
        status,
        bot: call.bot.name,
        reason:
          'a guard of the application denied it; give XeniooModule the decorator that the guard looks for, as `decorators: [Public()]`',
      });
      answer(response, status);
      return;
    }
    this.logger.error(
      `A guard or interceptor of the application failed on a call: ${message}`,
      stack,
    );
    this.recorder.strike({
      status: 503,
      bot: call.bot.name,
      reason:
        'a guard or interceptor of the application threw, as the line before says',
    });
    answer(response, 503);
  }
}
