import type { XeniooAnswer } from '../../simulator/post.js';
import { describeAnswer } from './describe-answer.js';
import { OK, type DoctorCheck, type DoctorVerdict } from './doctor.check.js';
import { isSuccess } from './is-success.js';
import type { Fault, Patient } from './patient.js';
import { remedyOf, withLog } from './remedies.js';

/** What to say of a call that should have been answered 200 and was not. */
export interface Complaint {
  readonly why: string;
  readonly mend: string;
  /** Checks that would have met the same mistake. */
  readonly alike?: readonly string[];
  /** Names those of several calls that failed, by their order. */
  readonly which?: (failed: readonly number[]) => string;
}

/** Judges calls that Xenioo expects to be answered 200. */
export function judgeTaken(
  patient: Patient,
  { id, title }: Pick<DoctorCheck, 'id' | 'title'>,
  answers: readonly XeniooAnswer[],
  { why, mend, alike = [], which }: Complaint,
): DoctorVerdict {
  for (const answer of answers) patient.time(answer, title);
  const failed = answers.filter(({ outcome }) => outcome !== 200);
  const [first] = failed;
  if (!first) return OK;
  const fresh = failed.filter(
    ({ outcome }) => !patient.knownFault(outcome, alike),
  );
  const [worst] = fresh;
  if (!worst) return asAbove(patient.knownFault(first.outcome, alike)!);

  const { outcome } = worst;
  const failedOf = which ?? (() => shareOf(fresh, answers));
  const calls = failedOf(fresh.map(answer => answers.indexOf(answer)));
  patient.remember({ id, title, outcome });
  return {
    severity: 'finding',
    outcome,
    expected: '200',
    got: calls + describeAnswer(worst, patient.options),
    why,
    mend: remedyOf(outcome) ?? withLog(outcome, mend),
  };
}

function shareOf(part: readonly unknown[], all: readonly unknown[]): string {
  return all.length > 1 ? `${part.length} of ${all.length} calls: ` : '';
}

/** What was found before is told in a word; where it is another 2xx, the event itself was taken. */
function asAbove({ id, title, outcome }: Fault): DoctorVerdict {
  const isTaken = isSuccess(outcome);
  return {
    severity: isTaken ? 'ok' : 'finding',
    outcome,
    sameAs: id,
    note: `${outcome}, as ${isTaken ? 'above' : `with “${title}”`}`,
  };
}
