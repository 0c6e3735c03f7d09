import type { XeniooInboxProvider } from '../../lib/index.js';

/** Makes the option `inbox` for one test; `undefined` leaves the default in place. */
export type CreateInbox = () => XeniooInboxProvider | undefined;

/** The inboxes that keep the promises of delivery, by name. */
export const INBOXES: Record<string, CreateInbox> = {
  memory: () => undefined,
};
