import { Injectable, Module, type Type } from '@nestjs/common';
import {
  OnXenioo,
  XeniooInbox,
  XeniooModule,
  type XeniooEvent,
  type XeniooOptions,
} from 'nestjs-xenioo';
import { SECRET } from '../bodies.js';
import { createApp, type AdapterName } from './adapters.js';
import { listen, type Served } from './served.js';

@Injectable()
class Crm {
  handled = 0;

  @OnXenioo()
  count(_event: XeniooEvent): void {
    this.handled++;
  }
}

/** An app with the module and one handler. */
export function ourModule(options: Pick<XeniooOptions, 'dedupe'> = {}): Type {
  @Module({
    imports: [XeniooModule.forRoot({ secret: SECRET, ...options })],
    providers: [Crm],
  })
  class OurModule {}
  return OurModule;
}

/** What is measured. */
export async function serveOurs(
  adapter: AdapterName,
  options: Pick<XeniooOptions, 'dedupe'> = {},
): Promise<Served> {
  const app = await createApp(ourModule(options), adapter);
  const urls = await listen(app, '/xenioo/webhook');
  const crm = app.get(Crm);
  const inbox = app.get(XeniooInbox, { strict: false });
  return { urls, handled: () => crm.handled, idle: () => inbox.idle() };
}
