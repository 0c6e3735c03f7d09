import type { XeniooBotSettings } from '../options/xenioo.options.js';

/** Who sent an entry, and when. */
export interface XeniooReceipt {
  readonly bot: XeniooBotSettings;
  readonly receivedAt: Date;
  /** Whether the ids that are hashes may be made when somebody reads them; at once by default. */
  readonly hasLazyIds?: boolean;
}
