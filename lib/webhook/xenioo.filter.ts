import {
  Catch,
  HttpException,
  Inject,
  Injectable,
  Logger,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import { describeError } from '../describe-error.js';
import {
  findExchange,
  rawResponse,
  WebhookExchange,
} from './webhook.exchange.js';
import { XENIOO_ROUTE, type XeniooRoute } from './xenioo.route.js';
import { XeniooWebhookStatus } from './xenioo.webhook-status.js';

/** Statuses with which a guard of the host denies a call, and the decorator that usually exempts a route. */
const DENIALS = new Map([
  [401, 'Public()'],
  [403, 'Public()'],
  [429, 'SkipThrottle()'],
]);

/** Answers what the host's guards and interceptors throw on our route, before a filter of the host can. */
@Catch()
@Injectable()
export class XeniooFilter implements ExceptionFilter {
  private readonly logger = new Logger('Xenioo');

  constructor(
    @Inject(XENIOO_ROUTE) private readonly route: XeniooRoute,
    private readonly webhookStatus: XeniooWebhookStatus,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const response = rawResponse(http.getResponse());
    const status = error instanceof HttpException ? error.getStatus() : 503;
    const decorator = DENIALS.get(status);
    const exchange = findExchange(http.getRequest(), this.route.id);
    if (!exchange) {
      // Our own guard has refused and answered, or a guard of the host was asked before it.
      const unknown = new WebhookExchange(response, this.webhookStatus);
      unknown.reject(decorator ? status : 503, 'not authenticated');
    } else if (exchange.isHandled || response.headersSent) {
      this.logError(
        'Code of the application failed on a call that was already handled or answered',
        error,
      );
    } else if (decorator) {
      exchange.reject(
        status,
        `a guard of the application denied it; give XeniooModule the decorator that the guard looks for, as \`decorators: [${decorator}]\``,
      );
    } else {
      this.logError(
        'A guard or interceptor of the application failed on a call',
        error,
      );
      exchange.reject(
        503,
        'a guard or interceptor of the application failed, see the previous line',
      );
    }
  }

  private logError(what: string, error: unknown): void {
    const { message, stack } = describeError(error);
    this.logger.error(`${what}: ${message}`, stack);
  }
}
