import type { Patient } from './patient.js';

/** A finding costs Xenioo's calls or lets strangers in; a remark does not. */
export type DoctorSeverity = 'ok' | 'remark' | 'finding';

/** What a check came to. */
export interface DoctorVerdict {
  readonly severity: DoctorSeverity;
  /** The status, or what kept the endpoint from answering; absent where there was no fault. */
  readonly outcome?: number | string;
  /** The check that found this before: it is no mistake of its own. */
  readonly sameAs?: string;
  readonly note?: string;
  readonly expected?: string;
  readonly got?: string;
  readonly why?: string;
  readonly mend?: string;
  /** Why nothing that comes after would tell more. */
  readonly ends?: string;
}

/** One thing that Xenioo may do, and how an endpoint should take it. */
export interface DoctorCheck {
  /** Names the check in JSON. */
  readonly id: string;
  /** Names it for people. */
  readonly title: string;
  examine(patient: Patient): DoctorVerdict | Promise<DoctorVerdict>;
}

/** A check that was made. */
export interface DoctorResult
  extends DoctorVerdict, Pick<DoctorCheck, 'id' | 'title'> {}

/** A check that found nothing. */
export const OK: DoctorVerdict = { severity: 'ok' };
