import type { CallOutcome } from '../outcomes.js';
import type { EndpointUnderTest } from './endpoint-under-test.js';

/** Severity of a result: `finding` if calls of Xenioo fail or the secret is not checked. */
export type DoctorSeverity = 'ok' | 'warning' | 'finding';

/** Result of a check. */
export interface DoctorVerdict {
  readonly severity: DoctorSeverity;
  /** Outcome of the call; absent if there was no fault. */
  readonly outcome?: CallOutcome;
  /** Id of the check that has already reported the same fault. */
  readonly sameAs?: string;
  readonly note?: string;
  readonly expected?: string;
  readonly got?: string;
  readonly why?: string;
  readonly fix?: string;
  /** Reason why no further check is useful. */
  readonly stops?: string;
}

/** A check of one kind of call that Xenioo may make. */
export interface DoctorCheck {
  /** Identifies the check in JSON. */
  readonly id: string;
  /** Names the check for people. */
  readonly title: string;
  run(endpoint: EndpointUnderTest): Promise<DoctorVerdict>;
}

/** A completed check. */
export interface DoctorResult
  extends DoctorVerdict, Pick<DoctorCheck, 'id' | 'title'> {}

/** Verdict without a finding. */
export const OK: DoctorVerdict = { severity: 'ok' };
