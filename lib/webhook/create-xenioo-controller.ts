import {
  applyDecorators,
  Controller,
  HttpCode,
  Inject,
  Logger,
  Post,
  Req,
  Res,
  SetMetadata,
  UseFilters,
  UseGuards,
  VERSION_NEUTRAL,
  type Type,
} from '@nestjs/common';
import { tracingChannel } from 'node:diagnostics_channel';
import { describeError } from '../describe-error.js';
import { invalidEntry } from '../events/explain-entry.js';
import { parseBody } from '../events/parse-body.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import type { XeniooDelivery } from '../events/xenioo-delivery.js';
import { XeniooObservers } from '../handlers/xenioo.observers.js';
import { XeniooInbox } from '../inbox/xenioo.inbox.js';
import {
  XENIOO_SETTINGS,
  type XeniooSettings,
} from '../options/xenioo.options.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import { errorLocation } from './error-location.js';
import { FASTIFY_ROUTE_CONFIG } from './fastify.gate.js';
import { DescribeInOpenapi } from './openapi.decorator.js';
import { parseInTurns } from './parse-in-turns.js';
import {
  exchangeOf,
  rawResponse,
  type HttpRequest,
  type HttpResponse,
  type WebhookCall,
  type WebhookExchange,
} from './webhook.exchange.js';
import { XeniooFilter } from './xenioo.filter.js';
import { XeniooGuard } from './xenioo.gate.js';
import { ROUTE_ID } from './xenioo.route.js';
import { isInvalidEntry } from '../events/xenioo-event.table.js';

const tracing = tracingChannel<unknown, XeniooDelivery>('xenioo.delivery');

/** Upper bound of the errors that an answer of 400 lists. */
const MAX_ERRORS = 20;

/** Length in characters up to which a body is parsed at once: parsing it takes less than about a millisecond. */
const SMALL_BODY_LENGTH = 32_768;

/** Creates the controller class of one instance of the module, with its path and decorators. */
export function createXeniooController(
  path: string,
  decorators: readonly ClassDecorator[],
  id: symbol,
  openapi: boolean,
): Type {
  @applyDecorators(...decorators)
  @UseGuards(XeniooGuard)
  @UseFilters(XeniooFilter)
  @Controller({ path, version: VERSION_NEUTRAL })
  class XeniooController {
    private readonly logger = new Logger('Xenioo');

    constructor(
      @Inject(XENIOO_SETTINGS) private readonly settings: XeniooSettings,
      private readonly inbox: XeniooInbox,
      private readonly observers: XeniooObservers,
    ) {}

    @SetMetadata(ROUTE_ID, id)
    @SetMetadata(FASTIFY_ROUTE_CONFIG, { xenioo: id })
    @DescribeInOpenapi(openapi)
    // For the OpenAPI document only: the answer is written by `WebhookExchange`.
    @HttpCode(200)
    @Post()
    async receive(
      @Req() request: HttpRequest,
      @Res() reply: HttpResponse,
    ): Promise<void> {
      const exchange = exchangeOf(request, id);
      rawResponse(reply);
      const call = exchange.beginHandling();
      if (!call) return;
      try {
        await this.handle(call, exchange);
      } catch (error) {
        this.logger.error(
          `Handling a webhook call failed. Please report it: ${errorLocation(error)}`,
        );
        exchange.reject(
          503,
          'handling the call failed; see the error logged before',
        );
      }
    }

    private async handle(
      call: WebhookCall,
      exchange: WebhookExchange,
    ): Promise<void> {
      const { bot, receivedAt, body } = call;
      const receipt = { bot, receivedAt };
      const entries = body.isBase64
        ? [invalidEntry('not-json', [UNDECODABLE], body.text, receipt)]
        : body.text.length <= SMALL_BODY_LENGTH
          ? parseBody(body.text, receipt)
          : await parseInTurns(body.text, receipt, {
              hashesIds: this.settings.dedupe !== false,
            });
      if (this.settings.invalid === 'reject') {
        const errors = errorsOf(entries);
        const reason = `invalid entries, and \`invalid\` is 'reject': ${errors.join('; ')}`;
        if (errors.length > 0) return exchange.reject(400, reason, errors);
      }
      const given = { bot: bot.name, receivedAt, entries };
      const { observers } = this;
      const delivery: XeniooDelivery = observers.isEmpty
        ? given
        : { ...given, carrier: observers.carrierOf(given) };
      try {
        await this.accept(delivery);
      } catch (error) {
        const { message, stack } = describeError(error);
        if (!(error instanceof XeniooInboxError)) {
          this.logger.error(
            `The inbox failed to accept a webhook call: ${message}`,
            stack,
          );
        }
        return exchange.reject(503, message);
      }
      const isAnswered = exchange.accept(entries.some(isEvent));
      if (isAnswered && !observers.isEmpty) {
        observers.notify('deliveryAccepted', delivery);
      }
    }

    private accept(delivery: XeniooDelivery): Promise<void> {
      return tracing.hasSubscribers
        ? tracing.tracePromise(() => this.inbox.accept(delivery), delivery)
        : this.inbox.accept(delivery);
    }
  }
  return XeniooController;
}

const UNDECODABLE =
  'the body could not be decoded; raw holds its bytes in base64';

/** Returns the errors of the entries, the first {@link MAX_ERRORS} of them. */
function errorsOf(entries: readonly XeniooEntry[]): string[] {
  const errors = entries.flatMap(entry =>
    isInvalidEntry(entry) ? entry.errors : [],
  );
  const more = errors.length - MAX_ERRORS;
  return more > 0
    ? [...errors.slice(0, MAX_ERRORS), `and ${more} more`]
    : errors;
}

function isEvent(entry: XeniooEntry): boolean {
  return !isInvalidEntry(entry);
}
