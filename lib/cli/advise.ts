import type { XeniooAnswer } from '../simulator/post.js';
import { tlsTroubleOf } from './tls-trouble.js';

const BY_OUTCOME: Readonly<Record<string, string>> = {
  201: 'Nest answers POST with 201: put @HttpCode(200) on the route, or let XeniooModule receive the calls.',
  400: 'The app refuses the body: its answer or its log says why. With XeniooModule, set `invalid` to "quarantine", which keeps what is not understood and answers 200.',
  401: 'The webhook knows another secret: compare the one given here with that of the app.',
  403: 'Something before the webhook refuses the call, such as a guard of the app or a firewall: let the route through.',
  404: 'Nothing is at this path. XeniooModule logs its URL when the app starts; look for a global prefix.',
  405: 'The path is there, but not for POST.',
  413: 'The body is over a limit: raise `bodyLimit` of XeniooModule, and the limit of a proxy before it.',
  415: 'The app refuses the content type, which Xenioo does not document: take any.',
  429: 'A rate limit is in the way: leave the route out of it.',
  500: 'The app failed while it handled the call: its log says why. Answer 200 first, then handle.',
  502: 'A proxy has no answer from the app: is it running?',
  503: 'The app can not take the call now: its log says why. With XeniooModule, the inbox is full or down.',
  504: 'A proxy waited too long for the app: answer 200 first, then handle.',
  timeout:
    'Answer 200 first, then handle. How long Xenioo waits is not documented.',
  ECONNREFUSED: 'Nobody listens there: is the app running, and on this port?',
  ECONNRESET:
    'The connection was cut before an answer: did the app end, or is the URL of http where https is spoken?',
  EPIPE:
    'The connection was cut in the middle of the body: is a limit of its size in the way?',
  ENOTFOUND: 'There is no such host: look at the URL.',
  EAI_AGAIN: 'The name of the host can not be looked up: is there a network?',
  EHOSTUNREACH: 'The host can not be reached: look at network and firewall.',
  ETIMEDOUT: 'The host does not answer: look at network and firewall.',
  EPROTO: 'That is no TLS: is the URL of https where http is spoken?',
};

/** What to do about an outcome that Xenioo counts as a failed call. */
export function advise(outcome: XeniooAnswer['outcome']): string {
  const known = BY_OUTCOME[outcome] ?? troubleWithTls(outcome);
  if (known !== undefined) return known;
  if (String(outcome).startsWith('HPE_')) {
    return 'What answers there is no HTTP that can be read: look at the port, and at what stands before the app.';
  }
  const status = Number(outcome);
  if (status >= 200 && status < 300) return 'Answer 200, and nothing else.';
  if (status >= 300 && status < 400) {
    return 'Whether Xenioo follows a redirect is not documented: give it the final URL.';
  }
  if (status >= 500) return BY_OUTCOME[500]!;
  return 'Answer 200, with an empty body.';
}

function troubleWithTls(outcome: XeniooAnswer['outcome']): string | undefined {
  const trouble = tlsTroubleOf(outcome);
  return trouble && `TLS: ${trouble.got}. ${trouble.mend}`;
}
