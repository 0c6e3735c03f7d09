import { parseWireDate } from '../events/wire-date.js';
import { isObject } from '../is-object.js';

/** Help text on the file format. */
export const RECORDING_HELP = `
Recording:
  NDJSON, one call per line, in the order of the calls:
  {"receivedAt":"2024-05-01T12:00:00.000Z","contentType":"application/json","body":"{\\"Type\\":1}"}
  receivedAt   time of the call
  contentType  its Content-Type header; null if it had none
  body         its body, as text`;

/** Call of a recording. */
export interface RecordedCall {
  /** ISO 8601. */
  readonly receivedAt?: string;
  /** `null` if the call had none; absent for `application/json`. */
  readonly contentType?: string | null;
  readonly body: string;
}

/** Formats a call as a line of a recording. */
export function formatLine({ receivedAt, contentType, body }: RecordedCall) {
  return `${JSON.stringify({ receivedAt, contentType, body })}\n`;
}

/** Returns the call of a parsed line, or undefined if it is not a call. */
export function asRecordedCall(line: unknown): RecordedCall | undefined {
  if (!isObject(line)) return undefined;
  const { receivedAt, contentType, body } = line;
  const isCall =
    typeof body === 'string' &&
    (receivedAt === undefined || parseWireDate(receivedAt) !== undefined) &&
    ['string', 'undefined'].includes(typeof (contentType ?? undefined));
  return isCall ? (line as unknown as RecordedCall) : undefined;
}

/** Counts the entries of a body; a body that is not JSON counts as one. */
export function countEntries(body: string): number {
  try {
    const value = JSON.parse(body) as unknown;
    return Array.isArray(value) ? value.length : 1;
  } catch {
    return 1;
  }
}
