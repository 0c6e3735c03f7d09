import { XeniooSender } from '../../simulator/xenioo.sender.js';
import { BODY_CHECKS } from './body.checks.js';
import { describeAnswer } from './describe-answer.js';
import type {
  DoctorCheck,
  DoctorResult,
  DoctorSeverity,
  DoctorVerdict,
} from './doctor.check.js';
import { FIRST_CALL_CHECKS } from './first-call.checks.js';
import { LOAD_CHECKS } from './load.checks.js';
import { Patient, type PatientOptions } from './patient.js';
import { SECRET_CHECKS } from './secret.checks.js';
import { TRANSFER_CHECKS } from './transfer.checks.js';

const CHECKS: readonly DoctorCheck[] = [
  ...FIRST_CALL_CHECKS,
  ...SECRET_CHECKS,
  ...BODY_CHECKS,
  ...TRANSFER_CHECKS,
  ...LOAD_CHECKS,
];

/** What all checks came to. */
export interface Examination {
  readonly checks: readonly DoctorResult[];
  /** How many mistakes there are, each counted once. */
  readonly findings: number;
  readonly remarks: number;
  /** Checks that were not made. */
  readonly skipped: number;
  /** Why it ended before all checks were made. */
  readonly stopped?: string;
  readonly calls: number;
  readonly durationMs: number;
}

/** Makes the checks one after another, and hands out what each came to; ends early where the rest would tell nothing. */
export async function examine(
  options: PatientOptions,
  onResult: (result: DoctorResult) => void,
): Promise<Examination> {
  const { url, secret, timeoutMs } = options;
  const sender = new XeniooSender({
    url,
    secret,
    timeoutMs,
    failures: 'ignore',
  });
  const patient = new Patient(options, sender);
  const startedAt = performance.now();
  try {
    const made = await makeChecks(patient, onResult);
    const durationMs = performance.now() - startedAt;
    return {
      ...made,
      ...countsOf(made.checks),
      calls: patient.calls,
      durationMs,
    };
  } finally {
    sender.close();
  }
}

async function makeChecks(
  patient: Patient,
  onResult: (result: DoctorResult) => void,
): Promise<Pick<Examination, 'checks' | 'stopped'>> {
  const checks: DoctorResult[] = [];
  for (const check of CHECKS) {
    const verdict = await verdictOf(check, patient);
    if (!verdict) return { checks, stopped: 'It was interrupted.' };
    const result = { id: check.id, title: check.title, ...verdict };
    checks.push(result);
    onResult(result);
    if (verdict.ends !== undefined) return { checks, stopped: verdict.ends };
  }
  return { checks };
}

function countsOf(checks: readonly DoctorResult[]) {
  const count = (severity: DoctorSeverity) =>
    checks.filter(check => check.severity === severity && !check.sameAs).length;
  return {
    findings: count('finding'),
    remarks: count('remark'),
    skipped: CHECKS.length - checks.length,
  };
}

/** `undefined` where the user interrupts it. */
async function verdictOf(
  check: DoctorCheck,
  patient: Patient,
): Promise<DoctorVerdict | undefined> {
  try {
    const verdict = await check.examine(patient);
    const isBroken = typeof verdict.outcome === 'string';
    return isBroken && !verdict.ends
      ? await withPulse(verdict, patient)
      : verdict;
  } catch (error) {
    if (patient.options.signal.aborted) return undefined;
    throw error;
  }
}

/** Where there was no answer, what follows depends on whether there is one any more. */
async function withPulse(
  verdict: DoctorVerdict,
  patient: Patient,
): Promise<DoctorVerdict> {
  const answer = await patient.send(patient.entries.message());
  if (answer.status !== undefined) return verdict;
  const got = describeAnswer(answer, patient.options);
  return {
    ...verdict,
    mend: 'Find out why it ended: its log should tell, or what keeps it running.',
    ends: `After this it does not answer any more: ${got}.`,
  };
}
