import { parseWireDate } from '../events/wire-date.js';

const DATE_FIELD = /(?<!\\)("Date"\s*:\s*")([^"\\]+)(?=")/g;

/** Returns a function that shifts each `Date` in bodies by the same duration, so that the first one is now. */
export function createDateMover(
  now: () => number = Date.now,
): (body: string) => string {
  let movedByMs: number | undefined;
  return body =>
    body.replaceAll(DATE_FIELD, (field, name: string, text: string) => {
      const time = parseWireDate(text)?.getTime();
      if (time === undefined) return field;
      movedByMs ??= now() - time;
      const moved = formatWireDate(new Date(time + movedByMs), text);
      return moved === undefined ? field : name + moved;
    });
}

/** Formats a date with the recorded digits after the milliseconds; returns undefined for years without four digits. */
function formatWireDate(date: Date, recorded: string): string | undefined {
  const [, time] = /^(\d{4}-.*)Z$/.exec(date.toISOString()) ?? [];
  const [, digits = ''] = /\.\d{3}(\d+)/.exec(recorded) ?? [];
  return time && `${time}${digits}+00:00`;
}
