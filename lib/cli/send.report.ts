import type { XeniooAnswer } from '../simulator/post.js';
import { advise } from './advise.js';
import {
  describeAnswer,
  describeRequest,
  type ShownRequest,
} from './describe-call.js';
import type { Endpoint } from './endpoint.options.js';
import { MASK, maskSecret, maskSecretWithin } from './mask-secret.js';

/** One call and what came of it, without the secret. */
export interface SendReport {
  readonly request: ShownRequest;
  readonly answer: Omit<XeniooAnswer, 'failure'>;
  /** Whether it was answered 200 in time. */
  readonly isAsExpected: boolean;
  /** Why Xenioo would count it as a failed call. */
  readonly failure?: string;
  /** What to do about that. */
  readonly advice?: string;
}

/** What there is to say of a call. */
export function sendReport(
  body: unknown,
  { failure, ...answer }: XeniooAnswer,
  { url, secret }: Endpoint,
): SendReport {
  return {
    request: {
      method: 'POST',
      url,
      headers: {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(JSON.stringify(body))),
        authorization: `Bearer ${MASK}`,
      },
      body: maskSecretWithin(body, secret),
    },
    answer: {
      ...answer,
      headers: maskSecretWithin(
        answer.headers,
        secret,
      ) as typeof answer.headers,
      body: maskSecret(answer.body, secret),
    },
    isAsExpected: failure === undefined,
    ...(failure !== undefined && { failure, advice: advise(answer.outcome) }),
  };
}

/** For machines. */
export function inJson(report: SendReport): string {
  return JSON.stringify(report, null, 2);
}

/** For people. */
export function inText(report: SendReport): string {
  return [
    describeRequest(report.request),
    describeAnswer(report.answer),
    judgement(report),
  ].join('\n\n');
}

function judgement({ failure, advice }: SendReport): string {
  return failure === undefined
    ? 'As Xenioo expects: answered 200 in time.'
    : `Xenioo would count this as a failed call, of which more than 10 make it stop: it ${failure}. ${advice}`;
}
