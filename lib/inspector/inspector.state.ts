import { Inject, Injectable } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import type { XeniooInboxStats } from '../inbox/xenioo.inbox.js';
import { XeniooProcessing } from '../inbox/xenioo.processing.js';
import { settledWithin } from '../settled-within.js';
import { XeniooUrls } from '../webhook/xenioo.urls.js';
import { XeniooWebhookStatus } from '../webhook/xenioo.webhook-status.js';
import {
  INSPECTOR_SETTINGS,
  type InspectorSettings,
} from './inspector.options.js';

/** Longest time to wait for the counts of the inbox. */
const COUNTS_WITHIN_MS = 2_000;

/** State of the webhook and the inbox. */
export interface InspectorState extends XeniooInboxStats {
  readonly bots: readonly string[];
  readonly urls: readonly string[];
  readonly readOnly: boolean;
  readonly showText: boolean;
  readonly isPaused: boolean;
  /** False if this process runs no handlers: `worker: false`. */
  readonly handlesEvents: boolean;
  readonly isSilent: boolean;
  readonly strikes: number;
  readonly refused: number;
  readonly lastAcceptedAt: Date | undefined;
  readonly lastEventAt: Date | undefined;
  readonly pid: number;
  readonly startedAt: Date;
  /** True if other processes may use the inbox as well. */
  readonly isShared: boolean;
  /** The reason why the counts can't be read now; they are the last known ones then. */
  readonly problem?: string;
}

/** Reads the state for the page. */
@Injectable()
export class InspectorStateReader {
  private readonly startedAt = new Date();
  private lastCounts: XeniooInboxStats = {
    pending: 0,
    running: 0,
    retries: 0,
    deadLetters: 0,
  };

  constructor(
    @Inject(INSPECTOR_SETTINGS) private readonly settings: InspectorSettings,
    private readonly processing: XeniooProcessing,
    private readonly status: XeniooWebhookStatus,
    private readonly urls: XeniooUrls,
  ) {}

  async read(): Promise<InspectorState> {
    const problem = await this.count();
    const { readOnly, showText } = this.settings;
    return {
      bots: this.urls.bots,
      urls: this.urls.all,
      readOnly,
      showText,
      isPaused: this.processing.isPaused,
      handlesEvents: this.processing.handlesEvents,
      isSilent: this.status.isSilent,
      strikes: this.status.strikes,
      refused: this.status.refused,
      lastAcceptedAt: this.status.lastAcceptedAt,
      lastEventAt: this.status.lastEventAt,
      pid: process.pid,
      startedAt: this.startedAt,
      isShared: this.processing.mayBeShared,
      ...this.lastCounts,
      ...(problem !== undefined && { problem }),
    };
  }

  /** Reads the counts; returns why that is not possible. */
  private async count(): Promise<string | undefined> {
    try {
      const counting = this.processing.stats();
      if (!(await settledWithin(counting, COUNTS_WITHIN_MS))) {
        return `the inbox did not return its counts within ${COUNTS_WITHIN_MS} ms`;
      }
      this.lastCounts = await counting;
      return undefined;
    } catch (error) {
      return describeError(error).message;
    }
  }
}
