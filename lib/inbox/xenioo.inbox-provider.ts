import type { FactoryProvider } from '@nestjs/common';
import type { XeniooInbox } from './xenioo.inbox.js';

/** Provider of the inbox of an instance: `useFactory` gets the providers listed in `inject` and returns the inbox. */
export type XeniooInboxProvider = Pick<
  FactoryProvider<XeniooInbox>,
  'inject' | 'useFactory'
>;
