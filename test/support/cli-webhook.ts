import { Injectable } from '@nestjs/common';
import { OnXenioo, XeniooModule, type XeniooEvent } from '../../lib/index.js';
import { startHost } from './host-app.js';

/** Secret that no output may contain. */
export const SECRET = 'the-s3cret-of-Ada';

/** Starts an application whose webhook accepts `SECRET`; returns the environment with which the tool calls it. */
export async function startWebhook() {
  const received: XeniooEvent[] = [];

  @Injectable()
  class Handlers {
    @OnXenioo()
    keep(event: XeniooEvent): void {
      received.push(event);
    }
  }
  const host = await startHost('express', {
    imports: [XeniooModule.forRoot({ secret: SECRET })],
    providers: [Handlers],
  });
  const url = host.url('/xenioo/webhook');
  return { received, url, env: { XENIOO_URL: url, XENIOO_SECRET: SECRET } };
}
