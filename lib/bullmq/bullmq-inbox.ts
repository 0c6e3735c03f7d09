import { getSharedConfigToken } from '@nestjs/bullmq';
import type { XeniooInboxProvider } from '../inbox/xenioo.inbox-provider.js';
import { XENIOO_SETTINGS, type XeniooSettings } from '../options/xenioo.options.js';
import {
  resolveBullmqInboxOptions,
  type BullmqInboxOptions,
  type BullmqInboxOptionsFactory,
  type SharedBullConfig,
} from './bullmq.inbox-options.js';
import { BullmqInbox } from './bullmq.inbox.js';
import { createEngine } from './create-engine.js';

/**
 * Makes the `inbox` option of `XeniooModule`: what was answered 200 is in a queue
 * of BullMQ, on Redis or PostgreSQL, and any process that works on the queue
 * handles it. Needs the packages `bullmq`, `@nestjs/bullmq`, and `ioredis` or `pg`.
 *
 * @example
 * ```ts
 * XeniooModule.forRoot({
 *   secret: process.env.XENIOO_SECRET,
 *   inbox: bullmqInbox({ connection: 'redis://localhost:6379' }),
 * })
 * ```
 *
 * @throws {XeniooOptionsError} while the application boots, when an option can't be
 */
export function bullmqInbox(
  options: BullmqInboxOptions | BullmqInboxOptionsFactory = {},
): XeniooInboxProvider {
  const { inject = [], useFactory } =
    'useFactory' in options ? options : { useFactory: () => options };
  return {
    inject: [
      XENIOO_SETTINGS,
      { token: getSharedConfigToken(), optional: true },
      ...inject,
    ],
    useFactory: async (
      settings: XeniooSettings,
      shared: SharedBullConfig | undefined,
      ...dependencies: unknown[]
    ) => {
      const given: unknown = await useFactory(...dependencies);
      const resolved = resolveBullmqInboxOptions(given, shared);
      const engine = await createEngine(resolved);
      return new BullmqInbox(engine, resolved, settings);
    },
  };
}
