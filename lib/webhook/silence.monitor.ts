import { Inject, Injectable } from '@nestjs/common';
import {
  XENIOO_SETTINGS,
  type XeniooSettings,
} from '../options/xenioo.options.js';
import { XeniooWebhookStatus } from './xenioo.webhook-status.js';

const MINUTE_MS = 60_000;

/** Reports when no authenticated call came for `expectCallsWithinMinutes`, and when calls come again. */
@Injectable()
export class SilenceMonitor {
  private readonly limitMs: number | undefined;
  private url = '';
  private lastCallAt: Date | undefined;
  private timer: NodeJS.Timeout | undefined;
  private silentSince: Date | undefined;

  constructor(
    @Inject(XENIOO_SETTINGS)
    { expectCallsWithinMinutes: minutes }: XeniooSettings,
    private readonly status: XeniooWebhookStatus,
  ) {
    this.limitMs = minutes && minutes * MINUTE_MS;
  }

  /** Begins to wait for calls to this URL; does nothing where the option is off. */
  start(url: string): void {
    if (this.limitMs === undefined) return;
    this.url = url;
    this.waitFrom(new Date());
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** Records an authenticated call. */
  recordCall(): void {
    if (this.limitMs === undefined) return;
    this.lastCallAt = new Date();
    if (this.silentSince) this.report(false, this.silentSince);
  }

  private waitFrom(since: Date): void {
    const delay = since.getTime() + this.limitMs! - Date.now();
    this.timer = setTimeout(() => this.check(since), delay).unref();
  }

  /** One timer for all calls: a timer for each would cost more than the rest of the check. */
  private check(waitedSince: Date): void {
    const since = this.lastCallAt ?? waitedSince;
    if (Date.now() - since.getTime() < this.limitMs!) this.waitFrom(since);
    else this.report(true, since);
  }

  private report(isSilent: boolean, since: Date): void {
    const { url, lastCallAt } = this;
    this.silentSince = isSilent ? since : undefined;
    this.status.recordSilence({ isSilent, url, since, at: new Date() });
    if (!isSilent && lastCallAt) this.waitFrom(lastCallAt);
  }
}
