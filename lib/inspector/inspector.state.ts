import { describeError } from '../describe-error.js';
import type { XeniooInboxStats } from '../inbox/xenioo.inbox.js';
import type { XeniooProcessing } from '../inbox/xenioo.processing.js';
import { settledWithin } from '../settled-within.js';
import type { XeniooUrls } from '../webhook/xenioo.urls.js';
import type { XeniooWebhookStatus } from '../webhook/xenioo.webhook-status.js';
import type { InspectorSettings } from './inspector.options.js';

/** Longest time to wait for the counts of the inbox. */
const COUNTS_WITHIN_MS = 2_000;

/** State of the webhook and the inbox. The counts are absent if they can't be read; `problem` says why. */
export interface InspectorState extends Partial<XeniooInboxStats> {
  readonly bots: readonly string[];
  readonly urls: readonly string[];
  readonly readOnly: boolean;
  readonly showText: boolean;
  readonly isPaused: boolean;
  readonly isSilent: boolean;
  readonly strikes: number;
  readonly refused: number;
  readonly lastAcceptedAt: Date | undefined;
  readonly lastEventAt: Date | undefined;
  readonly pid: number;
  readonly startedAt: Date;
  /** True if other processes may use the inbox as well. */
  readonly isShared: boolean;
  readonly problem?: string;
}

/** Reads the state for the page. */
export class InspectorStateReader {
  private readonly startedAt = new Date();

  constructor(
    private readonly settings: InspectorSettings,
    private readonly processing: XeniooProcessing,
    private readonly status: XeniooWebhookStatus,
    private readonly urls: XeniooUrls,
  ) {}

  async read(): Promise<InspectorState> {
    const counts = await this.counts();
    const { readOnly, showText } = this.settings;
    return {
      bots: this.urls.bots,
      urls: this.urls.all,
      readOnly,
      showText,
      isPaused: this.processing.isPaused,
      isSilent: this.status.isSilent,
      strikes: this.status.strikes,
      refused: this.status.refused,
      lastAcceptedAt: this.status.lastAcceptedAt,
      lastEventAt: this.status.lastEventAt,
      pid: process.pid,
      startedAt: this.startedAt,
      isShared: this.processing.mayBeShared,
      ...counts,
    };
  }

  private async counts(): Promise<
    XeniooInboxStats | { readonly problem: string }
  > {
    try {
      const counting = this.processing.stats();
      if (await settledWithin(counting, COUNTS_WITHIN_MS)) {
        return await counting;
      }
      return {
        problem: `the inbox did not return its counts within ${COUNTS_WITHIN_MS} ms`,
      };
    } catch (error) {
      return { problem: describeError(error).message };
    }
  }
}
