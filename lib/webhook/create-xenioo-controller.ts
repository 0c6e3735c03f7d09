import {
  applyDecorators,
  Controller,
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
import { describeError } from '../describe-error.js';
import { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import { parseInSteps } from '../events/parse-body.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import { XeniooObservers } from '../handlers/xenioo.observers.js';
import { XeniooInbox } from '../inbox/xenioo.inbox.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import { XENIOO_SETTINGS, type XeniooSettings } from '../options/xenioo.options.js';
import { runInTurns } from './run-in-turns.js';
import { FASTIFY_ROUTE_CONFIG } from './fastify.gate.js';
import { rawRequest, rawResponse } from './raw-http.js';
import { XeniooFilter } from './xenioo.filter.js';
import { XeniooGate } from './xenioo.gate.js';
import { XeniooGuard } from './xenioo.guard.js';
import { ROUTE_ID, type XeniooRoute } from './xenioo.route.js';

/** A call may hold any number of entries. */
const MOST_ERRORS = 20;

/** Makes a controller class for one instance: two of them must not share a path or the host's decorators. */
export function createXeniooController(
  path: string,
  decorators: readonly ClassDecorator[],
  { id }: XeniooRoute,
): Type {
  @applyDecorators(...decorators)
  @UseGuards(XeniooGuard)
  @UseFilters(XeniooFilter)
  @Controller({ path, version: VERSION_NEUTRAL })
  class XeniooController {
    private readonly logger = new Logger('Xenioo');

    constructor(
      @Inject(XENIOO_SETTINGS) private readonly settings: XeniooSettings,
      private readonly gate: XeniooGate,
      private readonly inbox: XeniooInbox,
      private readonly observers: XeniooObservers,
    ) {}

    @SetMetadata(ROUTE_ID, id)
    @SetMetadata(FASTIFY_ROUTE_CONFIG, { xenioo: id })
    @Post()
    async receive(
      @Req() request: Parameters<typeof rawRequest>[0],
      @Res() reply: Parameters<typeof rawResponse>[0],
    ): Promise<void> {
      const call = this.gate.callOf(rawRequest(request))!;
      rawResponse(reply);
      if (!call.take()) return;
      const { body, bot, receivedAt } = call;
      const hasLazyIds = this.settings.dedupe === false;
      const receipt = { bot, receivedAt, hasLazyIds };
      const entries = await runInTurns(parseInSteps(body, receipt));
      const errors =
        this.settings.invalid === 'reject' ? errorsOf(entries) : [];
      if (errors.length > 0) {
        const reason = `\`invalid: 'reject'\`, and ${errors.join('; ')}`;
        call.refuse(400, reason, errors);
        return;
      }
      try {
        await this.inbox.accept({ entries });
      } catch (error) {
        const { message, stack } = describeError(error);
        if (!(error instanceof XeniooInboxError)) {
          this.logger.error(`The inbox failed: ${message}`, stack);
        }
        call.refuse(503, message);
        return;
      }
      this.observers.received(entries);
      call.accept(entries.some(isEvent));
    }
  }
  return XeniooController;
}

/** What is wrong with the entries, as far as somebody would read it. */
function errorsOf(entries: readonly XeniooEntry[]): string[] {
  const errors = entries.flatMap(entry =>
    entry instanceof InvalidXeniooEntry ? entry.errors : [],
  );
  const more = errors.length - MOST_ERRORS;
  return more > 0
    ? [...errors.slice(0, MOST_ERRORS), `and ${more} more`]
    : errors;
}

function isEvent(entry: XeniooEntry): boolean {
  return !(entry instanceof InvalidXeniooEntry);
}
