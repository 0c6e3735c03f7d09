import { readFileSync } from 'node:fs';

export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** Whose processes root starts where root is refused, as PostgreSQL does; `undefined` for anybody else. */
export function unprivilegedUser(): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const line = lines.find(line => line.startsWith(`${name}:`));
    const [, , uid, gid] = line?.split(':') ?? [];
    if (uid && gid) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error('Neither postgres nor nobody is a user of this system');
}
