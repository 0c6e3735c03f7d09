import type { XeniooBotSettings } from '../options/xenioo.options.js';
import type { XeniooEvent } from './xenioo.event.js';

/** Whether the `Type` of an entry is one that Xenioo may have, now or later. */
export function isTypeNumber(type: unknown): type is number {
  return Number.isSafeInteger(type) && (type as number) >= 0;
}

/** Whether an event has the token of another bot than the one whose secret was sent. */
export function isForeign(
  { botToken }: XeniooEvent,
  { token }: XeniooBotSettings,
): boolean {
  return token !== undefined && botToken !== undefined && botToken !== token;
}
