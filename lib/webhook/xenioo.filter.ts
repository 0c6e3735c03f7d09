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

/** Decorator that usually exempts a route from a guard, by the status with which the guard denies a call. */
const EXEMPTING_DECORATORS = new Map([
  [401, 'Public()'],
  [403, 'Public()'],
  [429, 'SkipThrottle()'],
]);

/** Answers calls on which guards or interceptors of the application throw, in place of the application's filters. */
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
    const decorator = EXEMPTING_DECORATORS.get(status);
    const exchange = findExchange(http.getRequest(), this.route.id);
    if (!exchange) {
      // The guard of the module has refused and answered the call, or a guard of the application threw before it.
      const unknown = new WebhookExchange(response, this.webhookStatus);
      unknown.reject(decorator ? status : 503, 'not authenticated');
    } else if (exchange.isHandled || response.headersSent) {
      this.logError(
        'Code of the application threw on a webhook call after the module had begun to handle it; the answer is not affected',
        error,
      );
    } else if (decorator) {
      exchange.reject(
        status,
        `a guard of the application denied the call; exempt the webhook with the decorator that the guard looks for, such as \`decorators: [${decorator}]\` in the options of XeniooModule`,
      );
    } else {
      this.logError(
        'A guard or interceptor of the application threw on a webhook call, which is answered 503',
        error,
      );
      exchange.reject(
        503,
        'a guard or interceptor of the application threw; see the error logged before',
      );
    }
  }

  private logError(what: string, error: unknown): void {
    const { message, stack } = describeError(error);
    this.logger.error(`${what}: ${message}`, stack);
  }
}
