import { STATUS_CODES } from 'node:http';
import type { XeniooAnswer } from '../../simulator/post.js';
import { maskSecret } from '../mask-secret.js';
import { formatMs } from './format-ms.js';
import type { PatientOptions } from './patient.js';
import { tlsTroubleOf } from '../tls-trouble.js';

const LONGEST_EXCERPT = 200;

const BROKEN: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused: nobody listens there',
  ECONNRESET: 'the connection was closed before an answer came',
  EPIPE: 'the connection was closed before an answer came',
  ENOTFOUND: 'the name of the host is not known',
  EAI_AGAIN: 'the name of the host could not be looked up',
  EHOSTUNREACH: 'there is no way to the host',
  ENETUNREACH: 'there is no way to the host',
  ETIMEDOUT: 'the host did not take the connection',
  EPROTO: 'what answers does not speak TLS',
  ERR_SSL_WRONG_VERSION_NUMBER: 'what answers does not speak TLS',
};

/** An answer in a line: its status and how its body begins, or why there is none. */
export function describeAnswer(
  { outcome, body }: XeniooAnswer,
  { secret, timeoutMs }: PatientOptions,
): string {
  if (outcome === 'timeout') return `no answer within ${formatMs(timeoutMs)}`;
  if (typeof outcome === 'string') {
    const trouble = tlsTroubleOf(outcome)?.got ?? BROKEN[outcome];
    return trouble ? `${trouble} (${outcome})` : `no answer (${outcome})`;
  }
  const status = `${outcome} ${STATUS_CODES[outcome] ?? ''}`.trim();
  const excerpt = excerptOf(body, secret);
  return excerpt ? `${status}: ${excerpt}` : status;
}

/** How a text from outside begins: one line, without the secret and without what would steer a terminal. */
export function excerptOf(text: string, secret: string): string {
  // It may stand in a URL too.
  const masked = [secret, encodeURIComponent(secret)].reduce(maskSecret, text);
  const line = masked.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  if (line.length <= LONGEST_EXCERPT) return line;
  // No half of a pair at the cut.
  const beginning = line.slice(0, LONGEST_EXCERPT - 1);
  return `${beginning.replace(/[\uD800-\uDBFF]$/, '')}…`;
}
