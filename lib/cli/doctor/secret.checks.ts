import { describeAnswer } from './describe-answer.js';
import { OK, type DoctorCheck, type DoctorVerdict } from './doctor.check.js';
import { isSuccess } from './is-success.js';
import type { Patient } from './patient.js';

const REFUSE =
  'Answer 401. In Nest: a guard that throws UnauthorizedException, on the controller of the webhook.';

/** A call without the right secret: its whole header, and what is special about it. */
interface Intrusion {
  readonly authorization: string | null;
  readonly as?: string;
}

/** Calls that must be refused. */
function refused(
  id: string,
  title: string,
  intrusionsOf: (secret: string) => readonly Intrusion[],
): DoctorCheck {
  return {
    id,
    title,
    async examine(patient) {
      const { options } = patient;
      for (const { authorization, as = '' } of intrusionsOf(options.secret)) {
        const entry = patient.entries.message();
        const answer = await patient.send(entry, { authorization });
        if (answer.outcome === 401) continue;
        const got = as + describeAnswer(answer, options);
        return notRefused(answer.outcome, got);
      }
      return OK;
    },
  };
}

function notRefused(outcome: number | string, got: string): DoctorVerdict {
  const facts = { outcome, expected: '401', got, mend: REFUSE };
  if (isSuccess(outcome)) {
    return {
      severity: 'finding',
      ...facts,
      why: 'Whoever finds the URL can make up events, and your app believes them.',
    };
  }
  const isRefusal =
    typeof outcome === 'number' && outcome >= 400 && outcome < 500;
  return {
    severity: isRefusal ? 'remark' : 'finding',
    ...facts,
    why: isRefusal
      ? 'It is refused, but who looks into a log for a wrong secret looks for 401.'
      : 'A stranger should not be able to make it fail.',
  };
}

/** Other spellings of the right secret, of which Xenioo's documentation leaves room for doubt. */
function accepted(
  id: string,
  title: string,
  why: string,
  authorizationOf: (secret: string) => string,
): DoctorCheck {
  return {
    id,
    title,
    async examine(patient: Patient) {
      const authorization = authorizationOf(patient.options.secret);
      const answer = await patient.send(patient.entries.message(), {
        authorization,
      });
      const { outcome } = answer;
      if (isSuccess(outcome)) return OK;
      return {
        severity: 'remark',
        outcome,
        expected: 'the same answer as to `Bearer <secret>`',
        got: describeAnswer(answer, patient.options),
        why,
        mend: 'Take the secret with `Bearer ` before it, in capitals or not, and by itself.',
      };
    },
  };
}

/** What the header `Authorization` may hold. */
export const SECRET_CHECKS: readonly DoctorCheck[] = [
  refused('wrong-secret', 'a wrong secret', secret => [
    { authorization: 'Bearer the-doctor-does-not-know' },
    // A comparison may look at the beginning alone.
    {
      authorization: `Bearer ${secret}x`,
      as: 'to the right one with a letter more: ',
    },
  ]),
  refused('missing-secret', 'no secret', () => [{ authorization: null }]),
  accepted(
    'lower-case-scheme',
    'the scheme in lower case (`bearer`)',
    'By the standard, the name of a scheme has no case, and a proxy may change it.',
    secret => `bearer ${secret}`,
  ),
  accepted(
    'bare-secret',
    'the secret as the whole header, without `Bearer`',
    'The paragraph on security of Xenioo’s documentation describes it so; the one on the call says `Bearer`.',
    secret => secret,
  ),
];
