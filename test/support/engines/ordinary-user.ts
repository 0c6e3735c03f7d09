import { readFile } from 'node:fs/promises';

/** Returns the user that the package of PostgreSQL makes: neither PostgreSQL nor PgBouncer runs as root. */
export async function ordinaryUser(): Promise<
  { uid: number; gid: number } | undefined
> {
  if (process.getuid?.() !== 0) return undefined;
  const users = await readFile('/etc/passwd', 'utf8');
  const [, uid, gid] = /^postgres:[^:]*:(\d+):(\d+):/m.exec(users) ?? [];
  if (uid === undefined) {
    throw new Error(
      'PostgreSQL does not run as root, and there is no user postgres',
    );
  }
  return { uid: Number(uid), gid: Number(gid) };
}
