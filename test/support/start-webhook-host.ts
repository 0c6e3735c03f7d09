import { Injectable, type ModuleMetadata } from '@nestjs/common';
import { onTestFinished } from 'vitest';
import {
  InvalidXeniooEntry,
  OnXenioo,
  OnXeniooInvalid,
  XeniooModule,
  type XeniooModuleOptions,
} from '../../lib/index.js';
import { senderFor } from '../../lib/testing/index.js';
import { startHost, type HostSetup } from './host-app.js';

/** Handlers of all events and invalid entries; `dispatched(app)` lists their events. */
@Injectable()
export class CatchAllHandlers {
  @OnXenioo()
  save() {}

  readonly invalid: InvalidXeniooEntry[] = [];

  @OnXeniooInvalid()
  quarantine(entry: InvalidXeniooEntry) {
    this.invalid.push(entry);
  }
}

/** Further parts of a host. */
export interface WebhookHostMetadata extends ModuleMetadata, HostSetup {}

/** Starts a host with the module and `CatchAllHandlers`, and a sender that ignores failures. */
export async function startWebhookHost(
  adapter: Parameters<typeof startHost>[0],
  options: Partial<XeniooModuleOptions> = {},
  { imports = [], providers = [], ...habits }: WebhookHostMetadata = {},
) {
  const secret = { secret: 'right-secret' };
  const host = await startHost(
    adapter,
    {
      imports: [
        ...imports,
        XeniooModule.forRoot({
          ...(options.bots ? {} : secret),
          // An event that is passed on twice must not be dropped as a duplicate.
          dedupe: false,
          ...options,
        }),
      ],
      providers: [CatchAllHandlers, ...providers],
    },
    habits,
  );
  const sender = await senderFor(host.app, {
    failures: 'ignore',
    // A function may return no bot yet.
    ...(typeof options.bots === 'function' ? secret : {}),
  });
  onTestFinished(() => sender.close());
  return { ...host, sender };
}
