import { Injectable } from '@nestjs/common';
import {
  HealthIndicatorService,
  type HealthIndicatorResult,
} from '@nestjs/terminus';
import type { XeniooInboxStats } from '../inbox/xenioo.inbox.js';
import { XeniooProcessing } from '../inbox/xenioo.processing.js';
import { quote } from '../options/describe-value.js';
import { unknownNameProblems } from '../options/unknown-name-problems.js';
import { withoutUndefined } from '../options/without-undefined.js';
import { XeniooWebhookStatus } from '../webhook/xenioo.webhook-status.js';

/** Upper bounds above which the health check reports `degraded`. */
export interface XeniooHealthLimits {
  /**
   * Authenticated calls answered other than 200 since the last reset. After 10 of them Xenioo stops calling.
   * @default 3
   */
  maxStrikes?: number | undefined;
  /**
   * Events whose first run has not finished.
   * @default 10_000
   */
  maxPending?: number | undefined;
  /**
   * Age of the oldest pending event in seconds.
   * @default 300
   */
  maxPendingAgeSeconds?: number | undefined;
  /**
   * Dead letters in the inboxes.
   * @default 0
   */
  maxDeadLetters?: number | undefined;
}

const DEFAULTS = {
  maxStrikes: 3,
  maxPending: 10_000,
  maxPendingAgeSeconds: 300,
  maxDeadLetters: 0,
} as const satisfies XeniooHealthLimits;

type Limits = { readonly [name in keyof typeof DEFAULTS]: number };

/**
 * Health of the webhook for `@nestjs/terminus`: `down` if a call would be answered
 * 503 now, `degraded` if a limit is exceeded or expected calls are missing, otherwise
 * `up`. Use it as a readiness probe. As a liveness probe it would restart the process,
 * which fixes neither an unreachable database nor a long queue.
 *
 * @example
 * ```ts
 * @Get('readiness')
 * @HealthCheck()
 * readiness() {
 *   return this.health.check([() => this.xenioo.isHealthy('xenioo')]);
 * }
 * ```
 */
@Injectable()
export class XeniooHealthIndicator {
  /** @internal */
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly processing: XeniooProcessing,
    private readonly status: XeniooWebhookStatus,
  ) {}

  /**
   * Checks that calls are accepted and that no count exceeds its limit. With
   * Terminus 11, which has no `degraded`, the result is `up` with the same data.
   * @param key name of the check in the result
   * @throws {RangeError} if a limit is unknown or not a non-negative number
   */
  async isHealthy<const Key extends string>(
    key: Key,
    limits: XeniooHealthLimits = {},
  ): Promise<HealthIndicatorResult<Key>> {
    const resolved = resolveLimits(limits);
    const indicator = this.indicators.check(key);
    const [accepting, counted] = await Promise.allSettled([
      this.processing.assertAccepting(),
      this.processing.stats(),
    ]);
    const { strikes, refused, isSilent } = this.status;
    const webhook = { strikes, refused, isSilent };
    // The reason may name a host or a path, and anyone may read the answer.
    if (accepting.status === 'rejected' || counted.status === 'rejected') {
      return indicator.down({
        message: 'the inbox accepts no events',
        ...webhook,
      });
    }
    const data = { ...webhook, ...this.countsOf(counted.value) };
    const warnings = warningsFor(data, resolved);
    if (warnings.length === 0) return indicator.up(data);
    const degraded = { ...data, warnings };
    return hasDegraded(indicator)
      ? indicator.degraded(degraded)
      : indicator.up(degraded);
  }

  private countsOf(stats: XeniooInboxStats) {
    const { oldestPendingAt: oldest, ...counts } = stats;
    const ageMs = oldest ? Math.max(0, Date.now() - oldest.getTime()) : 0;
    return {
      isPaused: this.processing.isPaused,
      ...counts,
      oldestPendingAgeSeconds: Math.round(ageMs / 1_000),
    };
  }
}

/** Returns false with Terminus 11. */
function hasDegraded(indicator: object): boolean {
  return 'degraded' in indicator;
}

function warningsFor(
  data: {
    readonly strikes: number;
    readonly isSilent: boolean;
    readonly pending: number;
    readonly deadLetters: number;
    readonly oldestPendingAgeSeconds: number;
  },
  limits: Limits,
): string[] {
  const limited: readonly [string, number, number][] = [
    ['strikes', data.strikes, limits.maxStrikes],
    ['pending events', data.pending, limits.maxPending],
    [
      'age of the oldest pending event in seconds',
      data.oldestPendingAgeSeconds,
      limits.maxPendingAgeSeconds,
    ],
    ['dead letters', data.deadLetters, limits.maxDeadLetters],
  ];
  const warnings = limited
    .filter(([, value, limit]) => value > limit)
    .map(([label, value, limit]) => `${label}: ${value} (limit: ${limit})`);
  if (data.isSilent) {
    warnings.push('no authenticated call within `expectCallsWithinMinutes`');
  }
  return warnings;
}

function resolveLimits(given: XeniooHealthLimits): Limits {
  const limits = { ...DEFAULTS, ...withoutUndefined(given) };
  const problems = [
    ...unknownNameProblems(given, Object.keys(DEFAULTS)),
    ...Object.entries(limits)
      .filter(([, value]) => !(typeof value === 'number' && value >= 0))
      .map(
        ([name, value]) =>
          `expected \`${name}\` to be a non-negative number, got ${quote(value)}`,
      ),
  ];
  if (problems.length > 0) throw new RangeError(problems.join('; '));
  return limits;
}
