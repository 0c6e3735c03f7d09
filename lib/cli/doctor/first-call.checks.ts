import type { XeniooAnswer } from '../../simulator/post.js';
import { describeAnswer, excerptOf } from './describe-answer.js';
import { OK, type DoctorCheck, type DoctorVerdict } from './doctor.check.js';
import { isSuccess } from './is-success.js';
import { judgeTaken } from './judge-taken.js';
import type { Patient } from './patient.js';
import { remedyOf } from './remedies.js';
import { tlsTroubleOf } from '../tls-trouble.js';

const connection: DoctorCheck = {
  id: 'connection',
  title: 'the connection',
  async examine(patient) {
    const answer = await patient.call(patient.entries.message());
    patient.first = answer;
    if (answer.status === undefined) return notReached(patient, answer);
    const { protocol, hostname } = patient.options.url;
    if (protocol === 'https:') {
      return {
        severity: 'ok',
        note: 'https, with a certificate that Node.js trusts',
      };
    }
    if (isThisMachine(hostname)) {
      return { severity: 'ok', note: 'plain http, on this machine' };
    }
    return {
      severity: 'remark',
      expected: 'https',
      got: 'plain http to another machine',
      why: 'Everybody on the way can read the secret, and what people write to the bot.',
      mend: 'Put a proxy with a certificate before it (Caddy, nginx, the load balancer of your cloud), and give Xenioo the https URL.',
    };
  },
};

const object: DoctorCheck = {
  id: 'object',
  title: 'the right secret, and an event as an object',
  examine(patient) {
    const answer = patient.first!;
    const { outcome } = answer;
    if (outcome === 200) {
      patient.time(answer, this.title);
      return answer.body === '' ? OK : notEmpty(patient, answer);
    }
    const verdict: DoctorVerdict = {
      ...judgeTaken(patient, this, [answer], {
        why: 'Xenioo expects “a standard HTTP 200 OK”. With any other answer, every call may count as failed.',
        mend: 'Take one object a call, of which only `Type` must be there. Should it want a BotToken: --bot-token sends one. In Nest, ParseArrayPipe takes nothing but arrays.',
      }),
      expected: '200 with an empty body',
    };
    const end = endOf(answer, patient);
    return end ? { ...verdict, ...end } : verdict;
  },
};

const array: DoctorCheck = {
  id: 'array',
  title: 'an array of events',
  async examine(patient) {
    const { entries } = patient;
    const answer = await patient.call([entries.message(), entries.message()]);
    const verdict = judgeTaken(patient, this, [answer], {
      why: 'The documentation of Xenioo says both: “events are not grouped”, and “always an array of items”. If it sends arrays, every call fails.',
      mend: 'Take both. In Nest, let no pipe see the body (`@Body() body: unknown`), make a list of it (`Array.isArray(body) ? body : [body]`), and validate each entry by itself.',
    });
    if (isSuccess(patient.first!.outcome)) return verdict;
    if (!isSuccess(answer.outcome)) {
      return {
        ...verdict,
        ends: 'It takes an event neither as an object nor in an array.',
      };
    }
    patient.takes = 'array';
    return verdict;
  },
};

/** Whether it is there, and what it takes: what every other check is compared with. */
export const FIRST_CALL_CHECKS: readonly DoctorCheck[] = [
  connection,
  object,
  array,
];

function notReached(patient: Patient, answer: XeniooAnswer): DoctorVerdict {
  const { outcome } = answer;
  return {
    severity: 'finding',
    outcome,
    expected: 'an answer',
    got: describeAnswer(answer, patient.options),
    why: 'Xenioo would not get through either.',
    mend:
      tlsTroubleOf(outcome)?.mend ??
      remedyOf(outcome) ??
      'Look whether the app runs, whether the URL has the right host and port and begins with the right one of http:// and https://, and whether a firewall lets calls in.',
    ends: 'It can not be called.',
  };
}

function notEmpty({ options }: Patient, answer: XeniooAnswer): DoctorVerdict {
  return {
    severity: 'remark',
    expected: '200 with an empty body',
    got: describeAnswer(answer, options),
    why: 'Xenioo says that the body “can be empty”, and nothing of what it does with one.',
    mend: 'Return nothing. In Nest, keep interceptors that wrap each answer away from this route.',
  };
}

/** What answers make every other check pointless, and what is special about them. */
function endOf(
  { outcome, headers }: XeniooAnswer,
  { options: { secret } }: Patient,
): Pick<DoctorVerdict, 'mend' | 'ends'> | undefined {
  switch (outcome) {
    case 401:
    case 403:
      return {
        ends: 'The right secret is refused.',
        mend: 'Look whether the secret given here is the one that the endpoint knows: the API Secret of the bot, not its API Token. If it is, see what else stands before the route: a global guard (in Nest, with @Public() or whatever yours goes by), a proxy that takes the header Authorization away.',
      };
    case 404:
    case 405:
      return {
        ends: 'There is no webhook at this URL.',
        mend: 'Look at the path: a global prefix or a version may stand before it. The method is POST.',
      };
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
      return {
        ends: 'It sends callers elsewhere.',
        mend: `Give Xenioo the URL where it leads: ${excerptOf(headers.location ?? 'none is told', secret)}. Whether Xenioo follows is not documented.`,
      };
    default:
      return undefined;
  }
}

function isThisMachine(hostname: string): boolean {
  return /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
