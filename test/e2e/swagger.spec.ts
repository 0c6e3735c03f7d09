import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { describe, expect, it } from 'vitest';
import type { XeniooModuleOptions } from '../../lib/index.js';
import { startWebhookHost } from '../support/start-webhook-host.js';
import { ADAPTERS, type AdapterName } from '../support/host-app.js';

describe.each(Object.keys(ADAPTERS) as AdapterName[])('on %s', adapter => {
  async function documentWith(options: Partial<XeniooModuleOptions>) {
    const { app } = await startWebhookHost(adapter, options);
    const config = new DocumentBuilder().addBearerAuth().build();
    return SwaggerModule.createDocument(app, config);
  }

  it.each([{}, { openapi: false }])(
    'leaves the webhook out of the OpenAPI document (%j)',
    async options => {
      expect((await documentWith(options)).paths).toEqual({});
    },
  );

  it('shows the webhook with its security and answers if `openapi` is true', async () => {
    const { paths } = await documentWith({ openapi: true });

    const { post } = paths['/xenioo/webhook']!;
    expect(post?.security).toEqual([{ bearer: [] }]);
    expect(Object.keys(post!.responses)).toEqual(['200', '401', '503']);
  });
});
