import {
  applyDecorators,
  Controller,
  Get,
  Logger,
  Req,
  Res,
  SetMetadata,
  VERSION_NEUTRAL,
  type Type,
} from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { describeError } from '../describe-error.js';
import { FASTIFY_ROUTE_CONFIG } from '../webhook/fastify.gate.js';
import { ExcludeFromOpenapi } from '../webhook/openapi.decorator.js';
import {
  rawRequest,
  rawResponse,
  type HttpResponse,
} from '../webhook/webhook.exchange.js';
import { ROUTE_ID } from '../webhook/xenioo.route.js';
import type { InspectorRequest } from './answer.js';
import { pageFiles, type PageFile } from './page.files.js';

/** Headers of every file. They replace those of helmet. */
const PAGE_HEADERS = {
  'cache-control': 'no-cache',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

/** Creates the controller of the files of the page of one instance. */
export function createPageController(
  path: string,
  decorators: readonly ClassDecorator[],
  id: symbol,
): Type {
  @applyDecorators(...decorators)
  @ExcludeFromOpenapi()
  @Controller({ path, version: VERSION_NEUTRAL })
  class XeniooInspectorPageController {
    private readonly logger = new Logger('Xenioo');

    @SetMetadata(ROUTE_ID, id)
    @SetMetadata(FASTIFY_ROUTE_CONFIG, { xenioo: id })
    @Get()
    async page(
      @Req() request: InspectorRequest,
      @Res() reply: HttpResponse,
    ): Promise<void> {
      const { url = '/' } = rawRequest(request);
      const [pathname = ''] = url.split('?');
      if (pathname.endsWith('/')) {
        return this.send('index.html', request, reply);
      }
      // Relative, since a proxy may have removed the start of the path.
      const location = `${pathname.slice(pathname.lastIndexOf('/') + 1)}/`;
      rawResponse(reply)
        .writeHead(302, { ...PAGE_HEADERS, location, 'content-length': 0 })
        .end();
    }

    @Get(':file')
    file(
      @Req() request: InspectorRequest,
      @Res() reply: HttpResponse,
    ): Promise<void> {
      return this.send(request.params['file'] ?? '', request, reply);
    }

    private async send(
      name: string,
      request: InspectorRequest,
      reply: HttpResponse,
    ): Promise<void> {
      const response = rawResponse(reply);
      try {
        const file = (await pageFiles()).get(name);
        if (file) {
          sendFile(file, rawRequest(request).headers, response);
        } else {
          sendError(response, 404, `there is no file ${JSON.stringify(name)}`);
        }
      } catch (error) {
        const { message, stack } = describeError(error);
        this.logger.error(`The inspector has no page: ${message}`, stack);
        sendError(response, 503, message);
      }
    }
  }
  return XeniooInspectorPageController;
}

function sendFile(
  { content, contentType, etag }: PageFile,
  headers: { readonly 'if-none-match'?: string | undefined },
  response: ServerResponse,
): void {
  const known = headers['if-none-match'] ?? '';
  // A proxy that compresses makes a tag weak.
  if (known === '*' || known.includes(etag)) {
    response.writeHead(304, { ...PAGE_HEADERS, etag }).end();
    return;
  }
  response.writeHead(200, {
    ...PAGE_HEADERS,
    etag,
    'content-type': contentType,
    'content-length': content.length,
  });
  response.end(content);
}

function sendError(
  response: ServerResponse,
  statusCode: number,
  message: string,
): void {
  response.writeHead(statusCode, {
    ...PAGE_HEADERS,
    'content-type': 'application/json; charset=utf-8',
  });
  response.end(JSON.stringify({ statusCode, message }));
}
