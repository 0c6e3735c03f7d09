const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such folder',
  ENOTDIR: 'a part of its path is no folder',
  EISDIR: 'it is a folder',
  EACCES: 'there is no right to',
  EPERM: 'there is no right to',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
  EIO: 'the disk fails',
  EPIPE: 'nobody reads it any more',
};

/** Why a file can't be written, in words. */
export function whyUnwritten(error: unknown): string {
  const { code, name } = error as NodeJS.ErrnoException;
  return REASONS[code ?? ''] ?? code ?? name;
}
