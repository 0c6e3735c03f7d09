import type { XeniooAnswer } from '../../simulator/post.js';
import { isSuccess } from '../outcomes.js';
import { OK, type DoctorCheck, type DoctorVerdict } from './doctor.check.js';
import type { EndpointUnderTest } from './endpoint-under-test.js';

/** Creates a check of calls that must be refused. Each call has an `Authorization` header or `null` for none, and a name if there are several calls. */
function refuses(
  id: string,
  title: string,
  headersOf: (
    secret: string,
  ) => readonly (readonly [authorization: string | null, name?: string])[],
): DoctorCheck {
  return {
    id,
    title,
    async run(endpoint) {
      const { secret } = endpoint.options;
      for (const [authorization, name = ''] of headersOf(secret)) {
        const entry = endpoint.entries.message();
        const answer = await endpoint.send(entry, { authorization });
        if (answer.outcome !== 401) return notRefused(endpoint, answer, name);
      }
      return OK;
    },
  };
}

function notRefused(
  endpoint: EndpointUnderTest,
  answer: XeniooAnswer,
  name: string,
): DoctorVerdict {
  const { outcome } = answer;
  const isRefusal = Number(outcome) >= 400 && Number(outcome) < 500;
  const why = isSuccess(outcome)
    ? 'Anybody who knows the URL can send forged events.'
    : isRefusal
      ? 'The call is refused, but the standard status for a wrong secret is 401.'
      : 'An unauthenticated call should not make the app fail.';
  return {
    severity: isRefusal ? 'warning' : 'finding',
    outcome,
    expected: '401',
    got: name + endpoint.describe(answer),
    why,
    fix: 'Answer 401. In Nest: a guard that throws UnauthorizedException, on the controller of the webhook.',
  };
}

/** Creates a check of another form of the header with the right secret, which the documentation of Xenioo allows. */
function acceptsSpelling(
  id: string,
  title: string,
  why: string,
  authorizationOf: (secret: string) => string,
): DoctorCheck {
  return {
    id,
    title,
    async run(endpoint) {
      const authorization = authorizationOf(endpoint.options.secret);
      const entry = endpoint.entries.message();
      const answer = await endpoint.send(entry, { authorization });
      if (isSuccess(answer.outcome)) return OK;
      return {
        severity: 'warning',
        outcome: answer.outcome,
        expected: 'the same answer as to `Bearer <secret>`',
        got: endpoint.describe(answer),
        why,
        fix: 'Accept the secret after `Bearer `, in upper or lower case, and on its own.',
      };
    },
  };
}

/** Checks of the `Authorization` header. */
export const SECRET_CHECKS: readonly DoctorCheck[] = [
  refuses('wrong-secret', 'a wrong secret', secret => [
    ['Bearer the-doctor-does-not-know'],
    // Detects a comparison of the start only.
    [`Bearer ${secret}x`, 'the right secret with an additional letter: '],
  ]),
  refuses('missing-secret', 'no secret', () => [[null]]),
  acceptsSpelling(
    'lower-case-scheme',
    'the scheme in lower case (`bearer`)',
    'The name of a scheme is case-insensitive, and a proxy may change it.',
    secret => `bearer ${secret}`,
  ),
  acceptsSpelling(
    'bare-secret',
    'the secret as the whole header, without `Bearer`',
    'The Security paragraph of Xenioo’s documentation describes the bare secret; its description of the call adds `Bearer`.',
    secret => secret,
  ),
];
