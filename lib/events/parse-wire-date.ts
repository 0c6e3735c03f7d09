const LONGEST_DATE = 64;

const ISO_8601 =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:([Zz])|([+-])(\d\d):?(\d\d))?)?$/;

/**
 * Reads a date of the wire, as `2019-07-10T15:47:58.5750058+00:00`; one without
 * an offset is UTC. Digits after the third of the fraction are cut off.
 * Anything else, and a day or time that does not exist, is `undefined`.
 */
export function parseWireDate(value: unknown): Date | undefined {
  if (typeof value !== 'string' || value.length > LONGEST_DATE) return;
  const match = ISO_8601.exec(value);
  if (!match) return;
  const [year, month, day, hour, minute, second] = match
    .slice(1, 7)
    .map(part => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const ms = Number((match[7] ?? '').padEnd(3, '0').slice(0, 3));
  const offsetHours = Number(match[10] ?? 0);
  const offsetMinutes = Number(match[11] ?? 0);
  if (hour > 23 || minute > 59 || second > 59) return;
  if (offsetHours > 23 || offsetMinutes > 59) return;

  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const dayExists =
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  if (!dayExists) return;
  date.setUTCHours(hour, minute, second, ms);
  const offset = (offsetHours * 60 + offsetMinutes) * 60_000;
  return new Date(date.getTime() + (match[9] === '-' ? offset : -offset));
}
