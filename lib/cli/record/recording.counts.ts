/** What has come so far. */
export interface RecordingCounts {
  /** Calls that were recorded and answered 200. */
  calls: number;
  /** Entries in them. */
  events: number;
  /** Calls of these whose body is no JSON. */
  notJson: number;
  /** Calls that were answered 401, and not recorded. */
  wrongSecret: number;
  /** Calls that were answered 404, 405, 408 or 413, and not recorded. */
  refused: number;
  /** Calls that were answered 503, since they could not be written. */
  unwritten: number;
}

/** Nothing yet. */
export function noCounts(): RecordingCounts {
  return {
    calls: 0,
    events: 0,
    notJson: 0,
    wrongSecret: 0,
    refused: 0,
    unwritten: 0,
  };
}

/** What was recorded, and what was not, in words. */
export function describeCounts(counts: RecordingCounts): string {
  const { calls, events, notJson, wrongSecret, refused, unwritten } = counts;
  return [
    `${plural(calls, 'call')} with ${plural(events, 'event')} recorded`,
    ...(notJson > 0 ? [`${notJson} of them no JSON`] : []),
    ...(wrongSecret > 0 ? [`${wrongSecret} with a wrong secret (401)`] : []),
    ...(refused > 0 ? [`${refused} refused`] : []),
    ...(unwritten > 0 ? [`${unwritten} not written (503)`] : []),
  ].join(', ');
}

function plural(count: number, what: string): string {
  return `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`;
}
