import { Injectable, Module, type INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { describe, expect, it } from 'vitest';
import { OnXenioo, XeniooModule } from '../../lib/index.js';
import { deliver, xeniooEntry } from '../../lib/testing/index.js';
import { ADAPTERS, startHost, type AdapterName } from '../support/host-app.js';

// The examples of docs/recipes.md are the code of this file.

@Injectable()
class Crm {
  @OnXenioo()
  save() {}
}

@Module({
  imports: [
    XeniooModule.forRoot({ secret: 'secret-of-the-bot', openapi: true }),
  ],
  providers: [Crm],
})
export class DocumentedModule {}

/** Creates the document as `main.ts` does; the page itself would need `@fastify/static` on Fastify. */
function setUpSwagger(app: INestApplication) {
  const config = new DocumentBuilder().addBearerAuth().build();
  const document = SwaggerModule.createDocument(app, config);
  SwaggerModule.setup('docs', app, document, { ui: false });
}

describe.each(Object.keys(ADAPTERS) as AdapterName[])('on %s', adapter => {
  it('lists the webhook with its security, body and answers in the OpenAPI document of a running application', async () => {
    const { app, url } = await startHost(
      adapter,
      { imports: [DocumentedModule] },
      { prepare: setUpSwagger },
    );

    const document: unknown = await (await fetch(url('/docs-json'))).json();

    expect(document).toMatchObject({
      paths: {
        '/xenioo/webhook': {
          post: {
            security: [{ bearer: [] }],
            requestBody: {
              content: {
                'application/json': {
                  schema: { title: 'XeniooWebhookBody' },
                },
              },
            },
            responses: {
              200: expect.anything(),
              401: expect.anything(),
              503: expect.anything(),
            },
          },
        },
      },
    });
    const { outcomes } = await deliver(app, xeniooEntry.userMessage());
    expect(outcomes).toEqual({ 200: 1 });
  });
});
