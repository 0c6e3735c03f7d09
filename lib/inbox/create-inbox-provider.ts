import type { FactoryProvider } from '@nestjs/common';
import {
  XENIOO_SETTINGS,
  type XeniooSettings,
} from '../options/xenioo.options.js';
import type { XeniooInboxProvider } from './xenioo.inbox-provider.js';
import type { XeniooInbox } from './xenioo.inbox.js';

/** Factory of the options, with the providers that `inject` lists as arguments. */
type OptionsFactory = Pick<FactoryProvider<object>, 'inject' | 'useFactory'>;

/**
 * Returns the provider of an inbox.
 * @param options options of the inbox, or a factory of them
 * @param open checks the options and opens the inbox
 */
export function createInboxProvider(
  options: object | OptionsFactory,
  open: (options: unknown, settings: XeniooSettings) => Promise<XeniooInbox>,
): XeniooInboxProvider {
  const { inject = [], useFactory }: OptionsFactory =
    'useFactory' in options ? options : { useFactory: () => options };
  return {
    inject: [XENIOO_SETTINGS, ...inject],
    useFactory: async (settings: XeniooSettings, ...dependencies: unknown[]) =>
      open(await useFactory(...dependencies), settings),
  };
}
