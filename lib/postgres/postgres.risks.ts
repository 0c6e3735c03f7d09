/** Settings of a PostgreSQL server, as text. */
export interface ServerSettings {
  readonly synchronous_commit: string;
  readonly fsync: string;
  readonly isolation: string;
  /** `'t'` if all standbys replicate asynchronously. */
  readonly has_asynchronous_standby: string;
}

export const riskQuery = `
SELECT current_setting('synchronous_commit') AS synchronous_commit, current_setting('fsync') AS fsync,
       current_setting('default_transaction_isolation') AS isolation,
       current_setting('synchronous_standby_names') = '' AND EXISTS (SELECT FROM pg_stat_replication)
         AS has_asynchronous_standby`;

/** Returns a warning for each setting with which PostgreSQL may lose events that were answered 200, or handles them slowly. */
export function risksOf(
  server: string,
  {
    synchronous_commit,
    fsync,
    isolation,
    has_asynchronous_standby,
  }: ServerSettings,
): string[] {
  const risks: string[] = [];
  if (fsync === 'off') {
    risks.push(
      `${server} loses events that were answered 200, or all of its data, when its machine fails (\`fsync = off\`). Set \`fsync = on\`.`,
    );
  }
  if (synchronous_commit === 'off') {
    risks.push(
      `${server} may lose the events answered 200 in the last second before a crash (\`synchronous_commit = off\`). Set \`synchronous_commit = on\`.`,
    );
  }
  if (has_asynchronous_standby === 't') {
    risks.push(
      `${server} has only asynchronous standbys: a failover may lose the events answered 200 just before. Set \`synchronous_standby_names\`.`,
    );
  }
  if (isolation !== 'read committed') {
    risks.push(
      `${server} runs statements as ${isolation} by default (\`default_transaction_isolation\`): statements of the inbox conflict with each other and are repeated. Give postgresInbox() a URL, or set \`default_transaction_isolation = 'read committed'\` for its role.`,
    );
  }
  return risks;
}
