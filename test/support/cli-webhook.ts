import { Injectable } from '@nestjs/common';
import { OnXenioo, XeniooModule, type XeniooEvent } from '../../lib/index.js';
import { startHost } from './host-app.js';

/** What no output may hold. */
export const SECRET = 'the-s3cret-of-Ada';

/** An application whose webhook knows `SECRET`, and the environment that leads the tool there. */
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
