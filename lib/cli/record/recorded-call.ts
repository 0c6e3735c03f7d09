import { validateHeaderValue } from 'node:http';
import { entryTexts } from '../../events/entry-texts.js';
import { parseWireDate } from '../../events/parse-wire-date.js';
import type { CallMask } from './call.mask.js';

/** The format, for the help of who writes such files and who reads them. */
export const RECORDING_FORMAT = `A recording is NDJSON: a line is a call, in the order in which they came.
  {"receivedAt":"2024-05-01T12:00:00.000Z","contentType":"application/json","body":{…}}
  receivedAt   when the whole call was here
  contentType  the header of that name; null where the call had none
  body         what was sent: an entry, an array of entries, or any other JSON
  text         in place of body, what was sent and is no JSON`;

/** A call as it came. */
export interface ReceivedCall {
  readonly receivedAt: Date;
  readonly contentType: string | undefined;
  readonly text: string;
}

/** A line of a recording. */
export interface RecordedLine {
  /** Ends with a line break. */
  readonly line: string;
  /** Entries in the call. */
  readonly events: number;
  readonly isJson: boolean;
}

/** A call that a line tells of. */
export interface RecordedCall {
  readonly receivedAt: Date | undefined;
  /** `null` sends none, `undefined` that of JSON. */
  readonly contentType: string | null | undefined;
  /** What goes out, to the letter. */
  readonly body: () => string;
  readonly isJson: boolean;
  readonly events: number;
}

/** Writes a call as a line; without people's words, if there is a mask. */
export function toLine(call: ReceivedCall, mask?: CallMask): RecordedLine {
  const { receivedAt, contentType = null } = call;
  const text = call.text.replace(/^\uFEFF/, '');
  const events = eventsInText(text);
  const isJson = events !== undefined;
  const member = isJson
    ? // Line breaks in JSON stand between values only.
      `"body":${mask ? mask.json(text) : text.replaceAll(/[\r\n]/g, ' ').trim()}`
    : `"text":${JSON.stringify(mask ? mask.text(call.text) : call.text)}`;
  const head = JSON.stringify({ receivedAt, contentType }).slice(0, -1);
  return { line: `${head},${member}}\n`, events: events ?? 1, isJson };
}

/** Reads a line, or says what is wrong with it; that holds nothing of the line. */
export function parseLine(line: string): RecordedCall | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return 'it is no JSON';
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return 'it is no JSON object';
  }
  const problem = problemOf(value);
  if (problem !== undefined) return problem;
  const { receivedAt, contentType, body, text } = value as ParsedLine;
  const isJson = Object.hasOwn(value, 'body');
  return {
    receivedAt: parseWireDate(receivedAt),
    contentType,
    isJson,
    events: isJson ? eventsIn(body) : 1,
    body: isJson ? () => bodyText(line) : () => text!,
  };
}

interface ParsedLine {
  readonly receivedAt?: string;
  readonly contentType?: string | null;
  readonly body?: unknown;
  readonly text?: string;
}

function problemOf(line: object): string | undefined {
  const { receivedAt, contentType, text }: Record<string, unknown> = {
    ...line,
  };
  const hasBody = Object.hasOwn(line, 'body');
  const hasText = Object.hasOwn(line, 'text');
  if (!hasBody && !hasText) return 'it has neither `body` nor `text`';
  if (hasBody && hasText) return 'it has both `body` and `text`';
  if (hasText && typeof text !== 'string') return '`text` is no string';
  if (receivedAt !== undefined && !parseWireDate(receivedAt)) {
    return '`receivedAt` is no date in ISO 8601';
  }
  const isHeader = contentType === undefined || isHeaderValue(contentType);
  return isHeader ? undefined : '`contentType` is no value of a header';
}

function isHeaderValue(value: unknown): boolean {
  if (value === null) return true;
  if (typeof value !== 'string') return false;
  try {
    validateHeaderValue('content-type', value);
    return true;
  } catch {
    return false;
  }
}

/** `undefined` where it is no JSON. */
function eventsInText(text: string): number | undefined {
  try {
    return eventsIn(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function eventsIn(body: unknown): number {
  return Array.isArray(body) ? body.length : 1;
}

/** Cut out and not written again, which would change numbers and overflow on deep ones. */
function bodyText(line: string): string {
  const member = entryTexts(line).findLast(isBody)!;
  return member.slice(member.indexOf(':', member.indexOf('"', 1)) + 1).trim();
}

function isBody(member: string): boolean {
  const [name] = /^"(?:[^"\\]|\\.){0,24}"/.exec(member) ?? [];
  return name !== undefined && JSON.parse(name) === 'body';
}
