import type { XeniooWebhookStatus } from './xenioo.webhook-status.js';

const MINUTE_MS = 60_000;

/** Reports when no authenticated call was received within `expectCallsWithinMinutes`, and when calls resume. */
export class SilenceMonitor {
  private readonly limitMs: number;
  private url = '';
  private lastCallAt: Date | undefined;
  private timer: NodeJS.Timeout | undefined;
  private silentSince: Date | undefined;

  constructor(
    expectCallsWithinMinutes: number,
    private readonly status: XeniooWebhookStatus,
  ) {
    this.limitMs = expectCallsWithinMinutes * MINUTE_MS;
  }

  /** Starts the monitor for this URL. */
  start(url: string): void {
    this.url = url;
    this.scheduleCheck(new Date());
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** Records an authenticated call. */
  recordCall(): void {
    this.lastCallAt = new Date();
    if (this.silentSince) this.report(false, this.silentSince);
  }

  private scheduleCheck(since: Date): void {
    const delay = since.getTime() + this.limitMs - Date.now();
    this.timer = setTimeout(() => this.check(since), delay).unref();
  }

  /** Reports silence, or schedules the next check. One timer serves all calls, since a timer per call would slow down each call. */
  private check(startedAt: Date): void {
    const since = this.lastCallAt ?? startedAt;
    if (Date.now() - since.getTime() < this.limitMs) this.scheduleCheck(since);
    else this.report(true, since);
  }

  private report(isSilent: boolean, since: Date): void {
    const { url, lastCallAt } = this;
    this.silentSince = isSilent ? since : undefined;
    this.status.recordSilence({ isSilent, url, since, at: new Date() });
    if (!isSilent && lastCallAt) this.scheduleCheck(lastCallAt);
  }
}
