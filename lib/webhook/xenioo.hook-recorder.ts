import { Injectable, Logger } from '@nestjs/common';
import { XENIOO_EVENT_NAMES } from '../events/xenioo-event.table.js';
import { XeniooBus } from '../handlers/xenioo.bus.js';
import { RefusalLog } from './refusal-log.js';
import type { Refusal } from './verify-bearer.js';
import { XeniooHookStatus, type XeniooStrike } from './xenioo.hook-status.js';

/** Of the strikes since the last reset, those that are worth a line each. */
const TOLD_STRIKES = new Set([1, 3, 6, 9, 10]);

/** Refused secrets after which, if none was ever right, it is probably ours that is wrong. */
const SUSPICIOUS_REFUSALS = 3;

/** Counts what the webhook answers, and tells who must know. */
@Injectable()
export class XeniooHookRecorder extends XeniooHookStatus {
  strikes = 0;
  refused = 0;
  lastAcceptedAt: Date | undefined = undefined;
  lastEventAt: Date | undefined = undefined;

  private readonly logger = new Logger('Xenioo');
  private readonly refusals = new RefusalLog(line => this.logger.warn(line));
  private wrongSecrets = 0;
  private hadRightSecret = false;

  constructor(private readonly bus: XeniooBus) {
    super();
  }

  reset(): void {
    this.strikes = 0;
    this.refused = 0;
    this.wrongSecrets = 0;
  }

  /** A call was answered 200. */
  accept(receivedAt: Date, hasEvents: boolean): void {
    this.hadRightSecret = true;
    this.lastAcceptedAt = later(receivedAt, this.lastAcceptedAt);
    if (hasEvents) this.lastEventAt = later(receivedAt, this.lastEventAt);
  }

  /** A call with a right secret was answered otherwise. */
  strike(told: Pick<XeniooStrike, 'status' | 'bot' | 'reason'>): void {
    this.hadRightSecret = true;
    const strike = { strikes: ++this.strikes, ...told, at: new Date() };
    const line = `Strike ${strike.strikes}: answered ${strike.status} to bot ${strike.bot}: ${strike.reason}`;
    if (!TOLD_STRIKES.has(strike.strikes)) {
      this.logger.debug(line);
      return;
    }
    this.logger.error(`${line}. ${whatToDo(strike.strikes)}`);
    this.bus.emit(XENIOO_EVENT_NAMES.Strike, strike);
  }

  /** A call was answered 401. */
  refuse(refusal: Refusal, address: string | undefined): void {
    this.refused++;
    this.refusals.note(refusal, address);
    if (refusal !== 'unknown-secret' && refusal !== 'white-space') return;
    if (this.hadRightSecret) return;
    if (++this.wrongSecrets !== SUSPICIOUS_REFUSALS) return;
    this.logger.error(
      `${SUSPICIOUS_REFUSALS} calls came with a secret that is not configured, and none ever with one that is. The configured secret probably differs from the API Secret of the bot: compare them. Xenioo gives up after 10 failed calls; then re-save and publish the bot.`,
    );
  }
}

/** Calls may be answered in another order than they came. */
function later(date: Date, other = date): Date {
  return date.getTime() > other.getTime() ? date : other;
}

function whatToDo(strikes: number): string {
  return strikes < 10
    ? 'Past 10 failed calls Xenioo stops calling, for good. Mend this before; should it stop, re-save and publish the bot in Xenioo.'
    : 'Xenioo has probably stopped calling. Mend this, then re-save and publish the bot in Xenioo, and call XeniooHookStatus.reset().';
}
