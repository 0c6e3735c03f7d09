import type { FactoryProvider } from '@nestjs/common';
import type { XeniooInbox } from './xenioo.inbox.js';

/** Makes the inbox of an instance: what `useFactory` returns, given what is listed in `inject`. */
export type XeniooInboxProvider = Pick<
  FactoryProvider<XeniooInbox>,
  'inject' | 'useFactory'
>;
