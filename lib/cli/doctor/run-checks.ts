import { BODY_CHECKS } from './body.checks.js';
import type {
  DoctorCheck,
  DoctorResult,
  DoctorSeverity,
  DoctorVerdict,
} from './doctor.check.js';
import {
  EndpointUnderTest,
  type EndpointUnderTestOptions,
} from './endpoint-under-test.js';
import { FIRST_CALL_CHECKS } from './first-call.checks.js';
import { LOAD_CHECKS } from './load.checks.js';
import { SECRET_CHECKS } from './secret.checks.js';

const CHECKS: readonly DoctorCheck[] = [
  ...FIRST_CALL_CHECKS,
  ...SECRET_CHECKS,
  ...BODY_CHECKS,
  ...LOAD_CHECKS,
];

/** Results of all checks. */
export interface Examination {
  readonly checks: readonly DoctorResult[];
  /** Number of faults, each counted once. */
  readonly findings: number;
  readonly warnings: number;
  /** Number of checks that were not run. */
  readonly skipped: number;
  /** Reason why not all checks were run. */
  readonly stopped?: string;
  readonly calls: number;
  readonly durationMs: number;
}

/** Runs the checks one after another; stops when no further check is useful. */
export async function runChecks(
  options: EndpointUnderTestOptions,
  onResult: (result: DoctorResult) => void,
): Promise<Examination> {
  const startedAt = performance.now();
  const endpoint = new EndpointUnderTest(options);
  const checks: DoctorResult[] = [];
  let stopped: string | undefined;
  try {
    for (const check of CHECKS) {
      const { id, title } = check;
      const verdict = await runCheck(check, endpoint);
      checks.push({ id, title, ...verdict });
      onResult({ id, title, ...verdict });
      stopped = verdict.stops;
      if (stopped !== undefined) break;
    }
  } catch (error) {
    if (!options.signal.aborted) throw error;
    stopped = 'Interrupted.';
  } finally {
    endpoint.close();
  }
  const count = (severity: DoctorSeverity) =>
    checks.filter(check => check.severity === severity && !check.sameAs).length;
  return {
    checks,
    findings: count('finding'),
    warnings: count('warning'),
    skipped: CHECKS.length - checks.length,
    ...(stopped !== undefined && { stopped }),
    calls: endpoint.calls,
    durationMs: performance.now() - startedAt,
  };
}

async function runCheck(
  check: DoctorCheck,
  endpoint: EndpointUnderTest,
): Promise<DoctorVerdict> {
  const verdict = await check.run(endpoint);
  const hadNoAnswer = typeof verdict.outcome === 'string';
  if (!hadNoAnswer || verdict.stops) return verdict;
  // Further checks are useful only if the endpoint still answers.
  const answer = await endpoint.send(endpoint.entries.message());
  if (answer.status !== undefined) return verdict;
  return {
    ...verdict,
    fix: 'Find out why the app ended: see its log, or the log of its process manager.',
    stops: `After this call the endpoint no longer answers: ${endpoint.describe(answer)}.`,
  };
}
