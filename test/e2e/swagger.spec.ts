import { ApiTags, DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv } from 'ajv';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { XeniooModuleOptions } from '../../lib/index.js';
import { startWebhookHost } from '../support/start-webhook-host.js';
import { ADAPTERS, type AdapterName } from '../support/host-app.js';

const BODIES = ['documented', 'every-type'].map(
  file =>
    JSON.parse(readFileSync(`test/fixtures/${file}.json`, 'utf8')) as unknown,
);

describe.each(Object.keys(ADAPTERS) as AdapterName[])('on %s', adapter => {
  async function documentWith(
    options: Partial<XeniooModuleOptions>,
    version = '3.0.0',
  ) {
    const { app } = await startWebhookHost(adapter, options);
    const config = new DocumentBuilder()
      .setOpenAPIVersion(version)
      .addBearerAuth()
      .build();
    const document = SwaggerModule.createDocument(app, config);
    // As it is served.
    return JSON.parse(JSON.stringify(document)) as typeof document;
  }

  it.each([{}, { openapi: false }])(
    'leaves the webhook out of the OpenAPI document (%j)',
    async options => {
      expect((await documentWith(options)).paths).toEqual({});
    },
  );

  it('shows the webhook with its security, body and answers if `openapi` is true', async () => {
    const { paths } = await documentWith({ openapi: true });

    const { post } = paths['/xenioo/webhook']!;
    expect(post).toMatchObject({
      summary: 'Receive events of Xenioo',
      security: [{ bearer: [] }],
      requestBody: {
        required: true,
        content: { 'application/json': { schema: expect.any(Object) } },
      },
    });
    expect(post?.parameters).toEqual([]);
    expect(Object.keys(post!.responses)).toEqual([
      '200',
      '400',
      '401',
      '408',
      '413',
      '503',
    ]);
  });

  it('keeps the tags that the option `decorators` gives', async () => {
    const { paths } = await documentWith({
      openapi: true,
      decorators: [ApiTags('webhooks')],
    });

    expect(paths['/xenioo/webhook']?.post?.tags).toEqual(['webhooks']);
  });

  it.each(['3.0.0', '3.1.0'])(
    'makes a valid document of OpenAPI %s',
    async version => {
      const document = await documentWith({ openapi: true }, version);

      const validator = new Validator();
      expect(await validator.validate({ ...document })).toEqual({
        valid: true,
      });
      expect(version).toContain(validator.version);
    },
  );

  it('describes the body so that the documented entries match', async () => {
    const { paths } = await documentWith({ openapi: true });

    const { requestBody } = paths['/xenioo/webhook']!.post!;
    const { content } = requestBody as {
      content: Record<string, { schema: object }>;
    };
    const isValid = new Ajv({ strict: true }).compile(
      content['application/json']!.schema,
    );
    for (const body of BODIES) expect(isValid(body)).toBe(true);
    expect(isValid({ Type: 1, Data: null, Date: null, city: 'Rome' })).toBe(
      true,
    );
    expect(isValid({ Type: 1, Data: 5 })).toBe(false);
    expect(isValid({ Type: 7 })).toBe(false);
  });
});
