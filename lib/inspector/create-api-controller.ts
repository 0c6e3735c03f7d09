import {
  applyDecorators,
  BadRequestException,
  Controller,
  ForbiddenException,
  Get,
  Inject,
  Logger,
  NotFoundException,
  Post,
  Req,
  Res,
  VERSION_NEUTRAL,
  type Type,
} from '@nestjs/common';
import { jsonText } from '../events/json-text.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import { XeniooDeadLetters } from '../inbox/xenioo.dead-letters.js';
import { XeniooProcessing } from '../inbox/xenioo.processing.js';
import { ExcludeFromOpenapi } from '../webhook/openapi.decorator.js';
import type { HttpResponse } from '../webhook/webhook.exchange.js';
import {
  answer,
  JsonText,
  queryOf,
  readAction,
  type InspectorRequest,
} from './answer.js';
import { EventRecorder } from './event.recorder.js';
import { textOf } from './inspected-event.js';
import { exportLetters, inspectLetter } from './inspected-letter.js';
import {
  INSPECTOR_SETTINGS,
  type InspectorSettings,
} from './inspector.options.js';
import { InspectorStateReader } from './inspector.state.js';
import { InspectorStreams } from './inspector.streams.js';

const EVENTS_PER_PAGE = 200;
const LETTERS_PER_PAGE = 100;
const MAX_LETTERS_PER_PAGE = 1_000;

type Body = Readonly<Record<string, unknown>>;

/** Creates the controller of the API of one instance, with its path and decorators. */
export function createApiController(
  path: string,
  decorators: readonly ClassDecorator[],
): Type {
  @applyDecorators(...decorators)
  @ExcludeFromOpenapi()
  @Controller({ path: `${path}/api`, version: VERSION_NEUTRAL })
  class XeniooInspectorApiController {
    private readonly logger = new Logger('Xenioo');

    constructor(
      @Inject(INSPECTOR_SETTINGS) private readonly settings: InspectorSettings,
      private readonly state: InspectorStateReader,
      private readonly recorder: EventRecorder,
      private readonly streams: InspectorStreams,
      private readonly letters: XeniooDeadLetters,
      private readonly processing: XeniooProcessing,
    ) {}

    @Get('state')
    readState(@Req() request: InspectorRequest, @Res() reply: HttpResponse) {
      return answer(request, reply, () => this.state.read());
    }

    @Get('events')
    listEvents(@Req() request: InspectorRequest, @Res() reply: HttpResponse) {
      return answer(request, reply, async () => {
        const query = queryOf(request);
        const limit = numberIn(query, 'limit') ?? EVENTS_PER_PAGE;
        const before = numberIn(query, 'before');
        return { events: this.recorder.list(limit, before) };
      });
    }

    @Get('charts')
    readCharts(@Req() request: InspectorRequest, @Res() reply: HttpResponse) {
      return answer(request, reply, async () => this.recorder.minutes.charts());
    }

    @Get('stream')
    openStream(@Req() request: InspectorRequest, @Res() reply: HttpResponse) {
      return answer(request, reply, async response => {
        // Express and Fastify answer HEAD by the handler of GET.
        if (response.req.method === 'HEAD') return {};
        this.streams.open(response);
        return undefined;
      });
    }

    @Get('text/:seq')
    revealEvent(@Req() request: InspectorRequest, @Res() reply: HttpResponse) {
      return answer(request, reply, async () => {
        const event = this.recorder.get(Number(request.params['seq']));
        // Behind a load balancer, the number may be one of another process.
        if (event?.view.id !== queryOf(request).get('id')) {
          throw new NotFoundException('the event is not kept any more');
        }
        if (!event?.entry) {
          throw new NotFoundException('the event is too large to be kept here');
        }
        return revealed(event.entry);
      });
    }

    @Get('dead-letters')
    listLetters(@Req() request: InspectorRequest, @Res() reply: HttpResponse) {
      return answer(request, reply, async () => {
        const query = queryOf(request);
        const limit = numberIn(query, 'limit') ?? LETTERS_PER_PAGE;
        const letters = await this.letters.list({
          ...fieldsOf(query),
          limit: Math.min(limit, MAX_LETTERS_PER_PAGE),
        });
        const { showText } = this.settings;
        return {
          letters: letters.map(letter => inspectLetter(letter, showText)),
        };
      });
    }

    @Get('dead-letters/export')
    exportLetters(
      @Req() request: InspectorRequest,
      @Res() reply: HttpResponse,
    ) {
      return answer(request, reply, async response => {
        await exportLetters(this.letters, fieldsOf(queryOf(request)), response);
      });
    }

    // In the query, since Fastify limits the length of parameters.
    @Get('dead-letters/raw')
    revealLetter(@Req() request: InspectorRequest, @Res() reply: HttpResponse) {
      return answer(request, reply, async () => {
        const id = queryOf(request).get('id') ?? '';
        const letter = await this.letters.get(id);
        if (!letter) throw noSuchLetter(id);
        return revealed(letter.entry);
      });
    }

    @Post('pause')
    pause(@Req() request: InspectorRequest, @Res() reply: HttpResponse) {
      return this.act(request, reply, async () => {
        await this.processing.pause();
        this.logger.warn(
          'The inspector paused the processing of events in this process.',
        );
        return this.state.read();
      });
    }

    @Post('resume')
    resume(@Req() request: InspectorRequest, @Res() reply: HttpResponse) {
      return this.act(request, reply, async () => {
        await this.processing.resume();
        this.logger.log('The inspector resumed the processing of events.');
        return this.state.read();
      });
    }

    @Post('dead-letters/replay')
    replay(@Req() request: InspectorRequest, @Res() reply: HttpResponse) {
      return this.act(request, reply, async body => {
        const id = textIn(body, 'id');
        if (!(await this.letters.get(id))) throw noSuchLetter(id);
        await this.letters.replay(id);
        return { replayed: 1 };
      });
    }

    @Post('dead-letters/remove')
    remove(@Req() request: InspectorRequest, @Res() reply: HttpResponse) {
      return this.act(request, reply, async body => {
        const id = textIn(body, 'id');
        if (!(await this.letters.remove(id))) throw noSuchLetter(id);
        this.streams.lettersChanged();
        return { removed: 1 };
      });
    }

    @Post('dead-letters/erase')
    erase(@Req() request: InspectorRequest, @Res() reply: HttpResponse) {
      return this.act(request, reply, async body => {
        const conversationId = textIn(body, 'conversationId');
        this.recorder.erase(conversationId);
        const removed = await this.letters.removeAll({ conversationId });
        this.streams.lettersChanged();
        return { removed };
      });
    }

    private act(
      request: InspectorRequest,
      reply: HttpResponse,
      work: (body: Body) => Promise<unknown>,
    ): Promise<void> {
      return answer(request, reply, async () => {
        if (this.settings.readOnly) {
          throw new ForbiddenException('the inspector is read-only');
        }
        return work(await readAction(request));
      });
    }
  }
  return XeniooInspectorApiController;
}

/** Returns everything of an entry; numbers such as `1e999` are kept. */
function revealed(entry: XeniooEntry): JsonText {
  const text = textOf(entry);
  const contents = { ...(text !== undefined && { text }), raw: entry.raw };
  return new JsonText(jsonText(contents));
}

function fieldsOf(query: URLSearchParams): Record<string, string> {
  return Object.fromEntries([...query].filter(([, value]) => value !== ''));
}

function numberIn(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new BadRequestException(
    `expected \`${name}\` to be a whole number of at least 1`,
  );
}

function textIn(body: Body, name: string): string {
  const value = body[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new BadRequestException(`expected \`${name}\` to be a string`);
}

function noSuchLetter(id: string): NotFoundException {
  return new NotFoundException(`there is no dead letter ${id}`);
}
