import { STATUS_CODES, type IncomingHttpHeaders } from 'node:http';
import type { XeniooAnswer } from '../simulator/post.js';

const SHOWN_HEADERS = [
  'content-type',
  'content-length',
  'location',
  'www-authenticate',
  'retry-after',
  'allow',
  'server',
  'connection',
];

/** An answer is to be recognised, not read. */
const LONGEST_SHOWN = 2_000;

/** One request as it goes out, but for the secret. */
export interface ShownRequest {
  readonly method: 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** The request, as a person reads it. */
export function describeRequest(request: ShownRequest): string {
  const { method, url, headers, body } = request;
  return [
    `${method} ${url}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    '',
    JSON.stringify(body, null, 2),
  ].join('\n');
}

/** The answer, as a person reads it. */
export function describeAnswer(answer: Omit<XeniooAnswer, 'failure'>): string {
  const { status, outcome, latencyMs, headers, body } = answer;
  if (status === undefined) {
    return `no answer: ${outcome}, after ${inMs(latencyMs)}`;
  }
  const reason = STATUS_CODES[status] ?? '';
  return [
    `${`${status} ${reason}`.trim()}, after ${inMs(latencyMs)}`,
    ...shownHeaders(headers),
    '',
    body === '' ? '(an empty body)' : shortened(printable(body)),
  ].join('\n');
}

/** Milliseconds, with as many digits as tell something. */
export function inMs(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

function shownHeaders(headers: IncomingHttpHeaders): string[] {
  return SHOWN_HEADERS.filter(name => headers[name] !== undefined).map(
    name => `${name}: ${printable(String(headers[name]))}`,
  );
}

/** A terminal takes control characters as commands. */
function printable(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\t]/gu, '�');
}

function shortened(text: string): string {
  return text.length <= LONGEST_SHOWN
    ? text
    : `${text.slice(0, LONGEST_SHOWN)}\n(and more; --json shows it)`;
}
