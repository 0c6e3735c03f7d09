import fastifyCompress from '@fastify/compress';
import fastifyCookie from '@fastify/cookie';
import fastifyHelmet from '@fastify/helmet';
import {
  Body,
  Catch,
  Controller,
  Get,
  HttpCode,
  Injectable,
  Post,
  Req,
  SetMetadata,
  ValidationPipe,
  VersioningType,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type INestApplication,
  type ModuleMetadata,
  type NestInterceptor,
  type RawBodyRequest,
} from '@nestjs/common';
import {
  APP_GUARD,
  HttpAdapterHost,
  Reflector,
  type AbstractHttpAdapter,
} from '@nestjs/core';
import {
  ExpressAdapter,
  type NestExpressApplication,
} from '@nestjs/platform-express';
import {
  FastifyAdapter,
  type NestFastifyApplication,
} from '@nestjs/platform-fastify';
import {
  SkipThrottle,
  ThrottlerGuard,
  ThrottlerModule,
} from '@nestjs/throttler';
import { IsString } from 'class-validator';
import compression from 'compression';
import cookieParser from 'cookie-parser';
import { json } from 'express';
import helmet from 'helmet';
import type { IncomingMessage } from 'node:http';
import { map } from 'rxjs';
import type { AdapterName, HostSetup } from './host-app.js';

/** Setting of a host that breaks other webhook modules. */
export interface MatrixHost extends HostSetup {
  readonly only?: AdapterName;
  readonly metadata?: ModuleMetadata;
  readonly decorators?: ClassDecorator[];
  readonly fastify?: { readonly bodyLimit: number };
  /** Prefix and version of the host's own routes; the webhook has only the prefix. */
  readonly prefix?: string;
  readonly version?: string;
  readonly paths?: readonly string[];
  /** Returns whether the host's own route shows that the setting is in force. */
  readonly shows: (ask: Ask, adapter: AdapterName) => Promise<boolean>;
}

/** Calls the host's own route. */
export type Ask = (
  asked?: RequestInit & { readonly path?: string },
) => Promise<Response>;

class OwnDto {
  @IsString()
  text!: string;
}

@Controller('own')
export class OwnController {
  @Get()
  look(@Req() request: { cookies?: unknown }) {
    return { cookies: request.cookies ?? null };
  }

  @Post()
  @HttpCode(200)
  echo(@Body() body: OwnDto, @Req() request: RawBodyRequest<IncomingMessage>) {
    return { body, raw: request.rawBody?.toString() ?? null };
  }
}

const PUBLIC = Symbol('public');
const Public = () => SetMetadata(PUBLIC, true);

@Injectable()
class DenyingGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const targets = [context.getHandler(), context.getClass()];
    return this.reflector.getAllAndOverride<boolean>(PUBLIC, targets) ?? false;
  }
}

class WrappingInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(map((data: unknown) => ({ data })));
  }
}

@Catch()
class CatchAllFilter implements ExceptionFilter {
  constructor(private readonly adapter: AbstractHttpAdapter) {}

  catch(_error: unknown, host: ArgumentsHost): void {
    const response: unknown = host.switchToHttp().getResponse();
    this.adapter.reply(response, { broken: true }, 500);
  }
}

const JSON_TYPE = { 'content-type': 'application/json' };
const ECHO = { headers: JSON_TYPE, body: '{"text":"hello"}' };
const LARGE = {
  headers: JSON_TYPE,
  body: JSON.stringify({ text: 'x'.repeat(2_000) }),
};

const onExpress = (app: INestApplication): app is NestExpressApplication =>
  app.getHttpAdapter().getType() === 'express';

/** Calls the function for the adapter of the application. */
const use =
  (
    express: (app: NestExpressApplication) => unknown,
    fastify: (app: NestFastifyApplication) => unknown,
  ) =>
  async (app: INestApplication) => {
    if (onExpress(app)) express(app);
    else await fastify(app as NestFastifyApplication);
  };

const read = async (answer: Promise<Response>) =>
  (await (await answer).json()) as Record<string, unknown>;

const isMoved = async (ask: Ask) =>
  (await ask({ method: 'GET' })).status === 200 &&
  (await ask({ method: 'GET', path: '/own' })).status === 404;

const GLOBAL_PREFIX: MatrixHost = {
  prefix: '/api',
  prepare: app => void app.setGlobalPrefix('api'),
  shows: isMoved,
};

const VERSIONING: MatrixHost = {
  version: '/v1',
  prepare: app =>
    void app.enableVersioning({
      type: VersioningType.URI,
      defaultVersion: '1',
    }),
  shows: isMoved,
};

const GUARD: MatrixHost = {
  metadata: { providers: [{ provide: APP_GUARD, useClass: DenyingGuard }] },
  decorators: [Public()],
  shows: async ask => (await ask({ method: 'GET' })).status === 403,
};

const STRICT_PIPE: MatrixHost = {
  prepare: app =>
    void app.useGlobalPipes(
      new ValidationPipe({
        whitelist: true,
        forbidNonWhitelisted: true,
        forbidUnknownValues: true,
        transform: true,
      }),
    ),
  shows: async ask => {
    const body = '{"text":"hello","more":1}';
    return (await ask({ headers: JSON_TYPE, body })).status === 400;
  },
};

const WRAPPER: MatrixHost = {
  prepare: app => void app.useGlobalInterceptors(new WrappingInterceptor()),
  shows: async ask => 'data' in (await read(ask({ method: 'GET' }))),
};

const CATCH_ALL: MatrixHost = {
  prepare: app =>
    void app.useGlobalFilters(
      new CatchAllFilter(app.get(HttpAdapterHost).httpAdapter),
    ),
  shows: async ask => (await ask({ path: '/nowhere' })).status === 500,
};

const THROTTLER: MatrixHost = {
  metadata: {
    imports: [ThrottlerModule.forRoot([{ ttl: 600_000, limit: 1 }])],
    providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
  },
  decorators: [SkipThrottle()],
  shows: async ask =>
    (await ask({ method: 'GET' })).status === 200 &&
    (await ask({ method: 'GET' })).status === 429,
};

const RAW_BODY: MatrixHost = {
  options: { rawBody: true },
  shows: async ask => (await read(ask(ECHO)))['raw'] === ECHO.body,
};

const refusesLarge = async (ask: Ask) => (await ask(LARGE)).status === 413;

const SMALL_LIMIT: MatrixHost = {
  fastify: { bodyLimit: 1_024 },
  prepare: use(
    app => app.useBodyParser('json', { limit: '1kb' }),
    () => {},
  ),
  shows: refusesLarge,
};

const HELMET: MatrixHost = {
  prepare: use(
    app => app.use(helmet()),
    app => app.register(fastifyHelmet),
  ),
  shows: async ask =>
    (await ask({ method: 'GET' })).headers.get('x-content-type-options') ===
    'nosniff',
};

const COMPRESSION: MatrixHost = {
  prepare: use(
    app => app.use(compression({ threshold: 0 })),
    app => app.register(fastifyCompress, { threshold: 0 }),
  ),
  shows: async ask => {
    const headers = { 'accept-encoding': 'gzip' };
    const answer = await ask({ method: 'GET', headers });
    return answer.headers.get('content-encoding') === 'gzip';
  },
};

const CORS: MatrixHost = {
  prepare: app => app.enableCors({ origin: true, credentials: true }),
  shows: async ask => {
    const headers = { origin: 'https://elsewhere.example' };
    const answer = await ask({ method: 'GET', headers });
    const allowed = answer.headers.get('access-control-allow-origin');
    return allowed === headers.origin;
  },
};

const COOKIES: MatrixHost = {
  prepare: use(
    app => app.use(cookieParser('of the host')),
    app => app.register(fastifyCookie, { secret: 'of the host' }),
  ),
  shows: async ask => {
    const answer = await ask({ method: 'GET', headers: { cookie: 'a=1' } });
    return (await answer.text()) === '{"cookies":{"a":"1"}}';
  },
};

const TWO_INSTANCES: MatrixHost = {
  paths: ['first/webhook', 'second/webhook'],
  shows: async () => true,
};

export const MATRIX_HOSTS: Record<string, MatrixHost> = {
  'is plain': {
    shows: async ask => (await ask(ECHO)).status === 200,
  },
  'has a global prefix': GLOBAL_PREFIX,
  'has URI versions and a default one': VERSIONING,
  'has a global guard that denies': GUARD,
  'has a strict ValidationPipe': STRICT_PIPE,
  'wraps every response': WRAPPER,
  'answers 500 to whatever is thrown': CATCH_ALL,
  'throttles after one call': THROTTLER,
  'has bodyParser: false': {
    options: { bodyParser: false },
    // Fastify has its own JSON parser, and works without Nest's.
    shows: async (ask, adapter) =>
      'body' in (await read(ask(ECHO))) === (adapter === 'fastify'),
  },
  'has rawBody: true': RAW_BODY,
  'allows 1 KB': SMALL_LIMIT,
  'allows 1 KB by app.use(json())': {
    only: 'express',
    prepare: app => void app.use(json({ limit: '1kb' })),
    shows: refusesLarge,
  },
  'allows 1 KB by useBodyParser()': {
    only: 'fastify',
    prepare: app =>
      void (app as NestFastifyApplication).useBodyParser('application/json', {
        bodyLimit: 1_024,
      }),
    shows: refusesLarge,
  },
  'has removed all parsers': {
    only: 'fastify',
    prepare: app =>
      (app as NestFastifyApplication)
        .getHttpAdapter()
        .getInstance()
        .removeAllContentTypeParsers(),
    // Nest adds the parsers of JSON and forms again.
    shows: async ask => {
      const headers = { 'content-type': 'text/plain' };
      return (await ask({ headers, body: 'hello' })).status === 415;
    },
  },
  'wears a helmet': HELMET,
  compresses: COMPRESSION,
  'allows other origins': CORS,
  'parses cookies': COOKIES,
  'has two instances': TWO_INSTANCES,
  'does all of it at once': together([
    GLOBAL_PREFIX,
    VERSIONING,
    GUARD,
    STRICT_PIPE,
    WRAPPER,
    CATCH_ALL,
    THROTTLER,
    RAW_BODY,
    SMALL_LIMIT,
    HELMET,
    COMPRESSION,
    CORS,
    COOKIES,
    TWO_INSTANCES,
  ]),
};

/** Creates the adapter of a host. */
export function adapterOf(
  name: AdapterName,
  { fastify }: MatrixHost,
): AbstractHttpAdapter {
  return name === 'express'
    ? new ExpressAdapter()
    : new FastifyAdapter(fastify);
}

/** Returns a function that calls the host's own route. */
export function askOf(
  origin: string,
  { prefix = '', version = '' }: MatrixHost,
): Ask {
  return ({ path = `${prefix}${version}/own`, ...asked } = {}) =>
    fetch(`${origin}${path}`, { method: 'POST', ...asked });
}

function together(hosts: readonly MatrixHost[]): MatrixHost {
  return {
    ...Object.assign({}, ...hosts),
    metadata: {
      imports: hosts.flatMap(({ metadata }) => metadata?.imports ?? []),
      providers: hosts.flatMap(({ metadata }) => [
        ...(metadata?.providers ?? []),
      ]),
    },
    decorators: hosts.flatMap(({ decorators }) => decorators ?? []),
    prepare: async app => {
      for (const { prepare } of hosts) await prepare?.(app);
    },
    // The error of the guard becomes a 500 of the filter.
    shows: async ask => (await ask({ method: 'GET' })).status === 500,
  };
}
