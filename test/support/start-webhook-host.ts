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

/** A host's handlers of everything: `dispatched(app)` lists the events that they were given. */
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

/** What a host has besides. */
export interface WebhookHostMetadata extends ModuleMetadata, HostSetup {}

/** Starts a host with the module and the archive, and the service that calls it, however often that fails. */
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
          // What is handed over twice shall be seen.
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
    // A function may know of no bot yet.
    ...(typeof options.bots === 'function' ? secret : {}),
  });
  onTestFinished(() => sender.close());
  return { ...host, sender };
}
