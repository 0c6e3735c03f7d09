import type { PoolConfig } from 'pg';

/** Settings of the session that the user gave; those of a URL are taken out of it, since they would win. */
export function ownOptions({ connectionString, options }: PoolConfig): {
  connectionString: string | undefined;
  options: string | undefined;
} {
  if (!connectionString || !URL.canParse(connectionString)) {
    return { connectionString, options };
  }
  const url = new URL(connectionString);
  const ofUrl = url.searchParams.get('options');
  if (ofUrl === null) return { connectionString, options };
  url.searchParams.delete('options');
  return { connectionString: url.href, options: ofUrl };
}

/** Host, port and database, without user and password. */
export function placeOf({
  connectionString,
  host,
  port,
  database,
}: PoolConfig): string {
  if (connectionString === undefined) {
    return `${host ?? 'localhost'}:${port ?? 5432}/${database ?? ''}`;
  }
  try {
    const url = new URL(connectionString);
    // Part of a password that is not escaped: no URL, or one with an @ too many.
    if (url.pathname.includes('@')) return 'the given URL';
    return `${url.hostname || 'localhost'}:${url.port || 5432}${url.pathname}`;
  } catch {
    return 'the given URL';
  }
}
