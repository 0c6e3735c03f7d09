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

/** What a guard of the host answers when it denies or throttles. */
const DENIALS = new Set([401, 403, 429]);

/** Answers for what the host's guards and interceptors throw on our route, before a filter of the host can. */
@Catch()
@Injectable()
export class XeniooFilter implements ExceptionFilter {
  private readonly logger = new Logger('Xenioo');

  constructor(private readonly gate: XeniooGate) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const call = this.gate.callOf(rawRequest(http.getRequest()));
    const response = rawResponse(http.getResponse());
    const status = error instanceof HttpException ? error.getStatus() : 503;
    const isDenial = DENIALS.has(status);
    if (!call) {
      // Our own guard has refused and answered; or another was asked before it.
      answer(response, isDenial ? status : 503);
      return;
    }
    const { message, stack } = describeError(error);
    if (call.taken || response.headersSent) {
      this.logger.error(
        `Something of the application failed on a call that was already taken or answered: ${message}`,
        stack,
      );
      return;
    }
    if (isDenial) {
      call.refuse(
        status,
        'a guard of the application denied it; give XeniooModule the decorator that the guard looks for, as `decorators: [Public()]`',
      );
      return;
    }
    this.logger.error(
      `A guard or interceptor of the application failed on a call: ${message}`,
      stack,
    );
    call.refuse(
      503,
      'a guard or interceptor of the application threw, as the line before says',
    );
  }
}
