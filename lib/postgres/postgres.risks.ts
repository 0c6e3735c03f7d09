/** Settings of a server, as text. */
export interface ServerSettings {
  readonly synchronous_commit: string;
  readonly fsync: string;
  readonly encoding: string;
  /** `'t'` where a standby follows asynchronously and none synchronously. */
  readonly has_asynchronous_standby: string;
}

export const riskQuery = `
SELECT current_setting('synchronous_commit') AS synchronous_commit, current_setting('fsync') AS fsync,
       current_setting('server_encoding') AS encoding,
       current_setting('synchronous_standby_names') = '' AND EXISTS (SELECT FROM pg_stat_replication)
         AS has_asynchronous_standby`;

/** Returns a warning for each setting with which PostgreSQL loses what it accepted. */
export function risksOf(
  server: string,
  {
    synchronous_commit,
    fsync,
    encoding,
    has_asynchronous_standby,
  }: ServerSettings,
): string[] {
  const risks: string[] = [];
  if (fsync === 'off') {
    risks.push(
      `${server} loses what was answered 200, or all of its data, when its machine fails (\`fsync = off\`). Set \`fsync = on\`.`,
    );
  }
  if (synchronous_commit === 'off') {
    risks.push(
      `${server} may lose what was answered 200 in the last second when it fails (\`synchronous_commit = off\`). Set \`synchronous_commit = on\`.`,
    );
  }
  if (has_asynchronous_standby === 't') {
    risks.push(
      `${server} has asynchronous standbys only: a failover may lose what was answered 200 just before. Set \`synchronous_standby_names\`.`,
    );
  }
  if (encoding !== 'UTF8') {
    risks.push(
      `${server} stores text as ${encoding}: events with characters that it does not have fail. Use a database with the encoding UTF8.`,
    );
  }
  return risks;
}
