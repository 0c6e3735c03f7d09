import type { XeniooAnswer } from '../../simulator/post.js';
import type { XeniooCallOptions } from '../../simulator/xenioo.sender-options.js';
import { fixFor, isSuccess, type CallOutcome } from '../outcomes.js';
import { OK, type DoctorCheck, type DoctorVerdict } from './doctor.check.js';
import type { DoctorEntries } from './doctor.entries.js';
import type { EndpointUnderTest, Fault } from './endpoint-under-test.js';

/** Texts of a finding about calls that must be answered 200. */
export interface Finding {
  readonly why: string;
  readonly fix: string;
  /** Ids of checks that report the same fault. */
  readonly related?: readonly string[];
  /** Names the calls that failed, by their index. */
  readonly nameFailed?: (indexes: readonly number[]) => string;
}

/** Makes the calls of a check. */
export type MakeCalls = (
  endpoint: EndpointUnderTest,
) => Promise<readonly XeniooAnswer[]>;

/** Creates a check of calls that must be answered 200. */
export function accepts(
  id: string,
  title: string,
  makeCalls: MakeCalls,
  finding: Finding,
): DoctorCheck {
  return {
    id,
    title,
    async run(endpoint) {
      const answers = await makeCalls(endpoint);
      return verdictOf(endpoint, { id, title }, answers, finding);
    },
  };
}

/** Makes one call with one event, in the shape that the endpoint accepts. */
export function oneEvent(
  entry: (entries: DoctorEntries) => unknown,
  options?: XeniooCallOptions,
): MakeCalls {
  return async endpoint => [
    await endpoint.send(entry(endpoint.entries), options),
  ];
}

/** Makes one call with a body as it is. */
export function oneBody(body: (entries: DoctorEntries) => unknown): MakeCalls {
  return async endpoint => [await endpoint.call(body(endpoint.entries))];
}

/** Judges calls that Xenioo expects to be answered 200. */
export function verdictOf(
  endpoint: EndpointUnderTest,
  { id, title }: Pick<DoctorCheck, 'id' | 'title'>,
  answers: readonly XeniooAnswer[],
  { why, fix, related = [], nameFailed }: Finding,
): DoctorVerdict {
  for (const answer of answers) endpoint.addLatency(answer, title);
  const failed = answers.filter(({ outcome }) => outcome !== 200);
  const [first] = failed;
  if (!first) return OK;
  const unknown = failed.filter(
    ({ outcome }) => !endpoint.findFault(outcome, related),
  );
  const [answer] = unknown;
  if (!answer) return sameAs(endpoint.findFault(first.outcome, related)!);

  const { outcome } = answer;
  const share =
    answers.length > 1 ? `${unknown.length} of ${answers.length} calls: ` : '';
  const indexes = unknown.map(each => answers.indexOf(each));
  endpoint.addFault({ id, title, outcome });
  return {
    severity: 'finding',
    outcome,
    expected: '200',
    got: (nameFailed?.(indexes) ?? share) + endpoint.describe(answer),
    why,
    fix: chooseFix(outcome, fix),
  };
}

/** Outcomes whose fix does not depend on the call. */
const SAME_FIX = /^(2\d\d|413|429|50[234]|timeout)$/;

function chooseFix(outcome: CallOutcome, fix: string): string {
  if (SAME_FIX.test(String(outcome))) return fixFor(outcome);
  return Number(outcome) >= 500 ? `See the log of the app first. ${fix}` : fix;
}

/** Refers to the check that reported the fault. With another 2xx status the event itself was accepted. */
function sameAs({ id, title, outcome }: Fault): DoctorVerdict {
  const isAccepted = isSuccess(outcome);
  return {
    severity: isAccepted ? 'ok' : 'finding',
    outcome,
    sameAs: id,
    note: `${outcome}, as ${isAccepted ? 'above' : `with “${title}”`}`,
  };
}
