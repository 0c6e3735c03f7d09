import { Injectable, Logger } from '@nestjs/common';
import { XENIOO_EVENT_NAMES } from '../events/xenioo-event.table.js';
import { XeniooEmitter } from '../handlers/xenioo.emitter.js';
import {
  XeniooObservers,
  type XeniooRefusal,
  type XeniooSilence,
  type XeniooStrike,
} from '../handlers/xenioo.observers.js';
import { plural } from '../plural.js';
import { RefusalLog } from './refusal-log.js';

/** Strike counts that are logged as errors and emitted; the others are logged at debug level. */
const REPORTED_STRIKES = new Set([1, 3, 6, 9, 10]);

/** Number of calls with an unknown secret, and none with a configured one, after which the configured secret is probably wrong. */
const SUSPICIOUS_REFUSALS = 3;

/**
 * Counters of the webhook in this process, for all instances of the module in the
 * application. Injectable, for health checks and dashboards.
 */
@Injectable()
export class XeniooWebhookStatus {
  private readonly logger = new Logger('Xenioo');
  private readonly refusalLog = new RefusalLog(line => this.logger.warn(line));
  private readonly counts = { strikes: 0, refused: 0, unknownSecrets: 0 };
  private accepted: { last?: Date; lastWithEvents?: Date } = {};
  private hasSeenValidSecret = false;
  private readonly silentUrls = new Set<string>();

  /** @internal */
  constructor(
    private readonly emitter: XeniooEmitter,
    private readonly observers: XeniooObservers,
  ) {}

  /** Number of authenticated calls answered other than 200 since the last reset. After more than 10 failed calls Xenioo stops calling permanently. */
  get strikes(): number {
    return this.counts.strikes;
  }

  /** Number of calls answered 401 since the last reset, from scanners or from Xenioo with a secret that is not configured. */
  get refused(): number {
    return this.counts.refused;
  }

  /** Time at which the last call answered 200 was received. */
  get lastAcceptedAt(): Date | undefined {
    return this.accepted.last;
  }

  /** Time at which the last call answered 200 with at least one event was received. */
  get lastEventAt(): Date | undefined {
    return this.accepted.lastWithEvents;
  }

  /** True while no authenticated call has come to an instance for `expectCallsWithinMinutes`; always false without that option. */
  get isSilent(): boolean {
    return this.silentUrls.size > 0;
  }

  /** Sets both counters to zero. Call it after saving and publishing the bot in Xenioo again. */
  reset(): void {
    this.counts.strikes = 0;
    this.counts.refused = 0;
    this.counts.unknownSecrets = 0;
  }

  /** Returns the counters and times, as a health check shows them. */
  toJSON() {
    const { strikes, refused, lastAcceptedAt, lastEventAt } = this;
    return { strikes, refused, lastAcceptedAt, lastEventAt };
  }

  /**
   * Records a call that was answered 200.
   * @internal
   */
  recordAccepted(receivedAt: Date, hasEvents: boolean): void {
    const { accepted } = this;
    this.hasSeenValidSecret = true;
    accepted.last = later(receivedAt, accepted.last);
    if (hasEvents) {
      accepted.lastWithEvents = later(receivedAt, accepted.lastWithEvents);
    }
  }

  /**
   * Counts and reports an authenticated call that was answered other than 200.
   * @internal
   */
  recordStrike(call: Pick<XeniooStrike, 'status' | 'bot' | 'reason'>): void {
    this.hasSeenValidSecret = true;
    const strikes = ++this.counts.strikes;
    const strike: XeniooStrike = { strikes, ...call, at: new Date() };
    this.observers.notify('strike', strike);
    const line = `Strike ${strikes}: answered ${strike.status} to bot ${strike.bot}: ${strike.reason}`;
    if (!REPORTED_STRIKES.has(strikes)) {
      this.logger.debug(line);
      return;
    }
    this.logger.error(`${line}. ${adviceFor(strikes)}`);
    this.emitter.emit(XENIOO_EVENT_NAMES.Strike, strike);
  }

  /**
   * Logs and emits that calls have stopped, or resumed.
   * @internal
   */
  recordSilence(silence: XeniooSilence): void {
    const { isSilent, url, since, at } = silence;
    const minutes = Math.round((at.getTime() - since.getTime()) / 6_000) / 10;
    if (isSilent) {
      this.silentUrls.add(url);
      this.logger.error(
        `No call with a configured secret has reached ${url} for ${plural(minutes, 'minute')} (\`expectCallsWithinMinutes\`). If customers write to the bot, Xenioo may have stopped calling: look for failed calls, then save and publish the bot again in Xenioo.`,
      );
    } else {
      this.silentUrls.delete(url);
      this.logger.log(
        `Xenioo calls ${url} again, after ${plural(minutes, 'minute')}.`,
      );
    }
    this.observers.notify('silence', silence);
    this.emitter.emit(XENIOO_EVENT_NAMES.Silence, silence);
  }

  /**
   * Counts and logs a call that was answered 401.
   * @internal
   */
  recordRefused(refusal: XeniooRefusal): void {
    const { reason, address } = refusal;
    this.observers.notify('callRefused', refusal);
    this.counts.refused++;
    this.refusalLog.log(reason, address);
    if (reason !== 'unknown-secret' && reason !== 'white-space') return;
    if (this.hasSeenValidSecret) return;
    if (++this.counts.unknownSecrets !== SUSPICIOUS_REFUSALS) return;
    this.logger.error(
      `${SUSPICIOUS_REFUSALS} calls came with a secret that is not configured, and none with one that is. Compare the configured secret with the API Secret of the bot in Xenioo. Xenioo stops calling after more than 10 failed calls; if it has, save and publish the bot again.`,
    );
  }
}

/** Returns the later date: calls may be answered in another order than received. */
function later(date: Date, other = date): Date {
  return date.getTime() > other.getTime() ? date : other;
}

function adviceFor(strikes: number): string {
  return strikes < 10
    ? 'After more than 10 failed calls Xenioo stops calling permanently: fix the cause. If Xenioo has stopped, save and publish the bot there again.'
    : 'Xenioo has probably stopped calling: fix the cause, save and publish the bot in Xenioo again, and call XeniooWebhookStatus.reset().';
}
