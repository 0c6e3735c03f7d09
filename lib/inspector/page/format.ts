const TIME = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const MINUTE = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const DATE_TIME = new Intl.DateTimeFormat(undefined, {
  dateStyle: 'medium',
  timeStyle: 'medium',
});
const DAY = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric',
});
const RELATIVE = new Intl.RelativeTimeFormat('en', { style: 'narrow' });
/** Units of an age with their sizes in seconds. */
const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;
const COUNT = new Intl.NumberFormat('en');
const COMPACT = new Intl.NumberFormat('en', { notation: 'compact' });

export const formatCount = (count: number): string => COUNT.format(count);

/** Formats a large number as thousands, such as "12K". */
export const formatCompactly = (count: number): string => COMPACT.format(count);

export const formatMinute = (time: string): string =>
  MINUTE.format(new Date(time));

export const formatDateTime = (time: string): string =>
  DATE_TIME.format(new Date(time));

/** Formats a time of today without its date. */
export function formatShortly(time: string): string {
  const date = new Date(time);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday
    ? TIME.format(date)
    : `${DAY.format(date)}, ${TIME.format(date)}`;
}

/** Formats the time since, such as "5 min ago". */
export function formatAge(time: string, now: number): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(time)) / 1_000));
  if (seconds < 5) return 'just now';
  const [unit, size] = UNITS.find(([, size]) => seconds >= size)!;
  return RELATIVE.format(-Math.floor(seconds / size), unit);
}

/** Formats a duration, such as "12 ms" or "1.3 s". */
export function formatMs(durationMs: number): string {
  if (durationMs < 10) return `${Number(durationMs.toFixed(1))} ms`;
  if (durationMs < 1_000) return `${Math.round(durationMs)} ms`;
  return `${Number((durationMs / 1_000).toFixed(1))} s`;
}

/** Formats a number with its noun. */
export const formatNumberOf = (count: number, noun: string): string =>
  `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;

/** Formats the name of a type or of a reason as words. */
export const formatWords = (name: string): string =>
  name.replaceAll('-', ' ').replace(/\bjson\b/, 'JSON');

/** Formats a name as words that begin with a capital. */
export function formatName(name: string): string {
  const words = formatWords(name);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Formats a channel without its suffix. */
export const formatChannel = (channel: string): string =>
  channel.replace(/(?<=.)Channel$/, '');
