import type { Pool } from 'pg';

/** A sentence for each setting of a PostgreSQL with which it loses what it has accepted. */
export async function risksOf(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ name: string; setting: string }>(
    `SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit')`,
  );
  return rows
    .filter(({ setting }) => setting === 'off')
    .map(
      ({ name }) =>
        `PostgreSQL may forget what was answered 200 when its machine fails (\`${name} = off\`). Put into its postgresql.conf: ${name} = on; or now: ALTER SYSTEM SET ${name} = on; SELECT pg_reload_conf()`,
    );
}
