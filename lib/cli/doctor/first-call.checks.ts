import type { XeniooAnswer } from '../../simulator/post.js';
import { fixFor, isSuccess } from '../outcomes.js';
import { verdictOf } from './accepts.check.js';
import { OK, type DoctorCheck, type DoctorVerdict } from './doctor.check.js';
import type { EndpointUnderTest } from './endpoint-under-test.js';

const connection: DoctorCheck = {
  id: 'connection',
  title: 'connection',
  async run(endpoint) {
    const answer = await endpoint.call(endpoint.entries.message());
    endpoint.firstAnswer = answer;
    if (answer.status === undefined) return unreachable(endpoint, answer);
    const { protocol, hostname } = endpoint.options.url;
    if (protocol === 'https:') {
      const note = 'https, with a certificate that Node.js trusts';
      return { severity: 'ok', note };
    }
    if (isLoopback(hostname)) {
      return { severity: 'ok', note: 'plain http, on this machine' };
    }
    return {
      severity: 'warning',
      expected: 'https',
      got: 'plain http to another machine',
      why: 'Anybody on the network path can read the secret and what people write to the bot.',
      fix: 'Put a proxy with a certificate in front (Caddy, nginx, the load balancer of your cloud), and give Xenioo the https URL.',
    };
  },
};

const object: DoctorCheck = {
  id: 'object',
  title: 'the right secret, and an event as an object',
  async run(endpoint) {
    const answer = endpoint.firstAnswer!;
    if (answer.outcome === 200) {
      endpoint.addLatency(answer, this.title);
      return answer.body === '' ? OK : bodyInAnswer(endpoint, answer);
    }
    const verdict = verdictOf(endpoint, this, [answer], {
      why: 'Xenioo expects “a standard HTTP 200 OK”. With any other answer, every call may count as failed.',
      fix: 'Accept one object per call, with `Type` as its only required field. If a BotToken is required, give --bot-token. In Nest, ParseArrayPipe accepts arrays only.',
    });
    const stops = reasonToStop(answer);
    return {
      ...verdict,
      expected: '200 with an empty body',
      ...(stops && { stops, fix: fixFor(answer.outcome) }),
    };
  },
};

const array: DoctorCheck = {
  id: 'array',
  title: 'an array of events',
  async run(endpoint) {
    const { entries } = endpoint;
    const answer = await endpoint.call([entries.message(), entries.message()]);
    const verdict = verdictOf(endpoint, this, [answer], {
      why: 'Xenioo documents both: “events are not grouped”, and “always an array of items”. If it sends arrays, every call fails.',
      fix: 'Accept both. In Nest, keep pipes away from the body (`@Body() body: unknown`), make a list of it (`Array.isArray(body) ? body : [body]`), and validate each entry on its own.',
    });
    if (isSuccess(endpoint.firstAnswer!.outcome)) return verdict;
    if (!isSuccess(answer.outcome)) {
      const stops =
        'An event is accepted neither as an object nor in an array.';
      return { ...verdict, stops };
    }
    endpoint.shape = 'array';
    return verdict;
  },
};

/** Checks on which all others depend: the endpoint answers and accepts an event. */
export const FIRST_CALL_CHECKS: readonly DoctorCheck[] = [
  connection,
  object,
  array,
];

function unreachable(
  endpoint: EndpointUnderTest,
  answer: XeniooAnswer,
): DoctorVerdict {
  return {
    severity: 'finding',
    outcome: answer.outcome,
    expected: 'an answer',
    got: endpoint.describe(answer),
    why: 'Xenioo can’t reach it either.',
    fix: fixFor(answer.outcome),
    stops: 'The endpoint can’t be reached.',
  };
}

function bodyInAnswer(
  endpoint: EndpointUnderTest,
  answer: XeniooAnswer,
): DoctorVerdict {
  return {
    severity: 'warning',
    expected: '200 with an empty body',
    got: endpoint.describe(answer),
    why: 'Xenioo documents that the body “can be empty”, and not what it does with one.',
    fix: 'Return nothing. In Nest, keep interceptors that wrap answers away from this route.',
  };
}

/** Returns the reason why no other check is useful after an answer. */
function reasonToStop({ outcome }: XeniooAnswer): string | undefined {
  const status = Number(outcome);
  if ([401, 403].includes(status)) return 'The right secret is refused.';
  if ([404, 405].includes(status)) return 'There is no webhook at this URL.';
  const isRedirect = status >= 300 && status < 400;
  return isRedirect ? 'The endpoint redirects its callers.' : undefined;
}

function isLoopback(hostname: string): boolean {
  return /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
