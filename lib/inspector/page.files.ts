import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { THIS_FILE } from '../this-file.js';

/** A file of the page. */
export interface PageFile {
  readonly content: Buffer;
  readonly contentType: string;
  readonly etag: string;
}

/** Content types of the files that are served; the build makes no others. */
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

let files: Promise<ReadonlyMap<string, PageFile>> | undefined;

/**
 * Returns the files of the page by their names. They are read once.
 * @throws {Error} if they can't be read
 */
export function pageFiles(): Promise<ReadonlyMap<string, PageFile>> {
  files ??= readFiles().catch(error => {
    files = undefined;
    throw new Error(
      "the files of the page can't be read. They are in the package nestjs-xenioo, which must be installed beside a bundle",
      { cause: error },
    );
  });
  return files;
}

async function readFiles(): Promise<ReadonlyMap<string, PageFile>> {
  const manifest = createRequire(THIS_FILE).resolve(
    'nestjs-xenioo/package.json',
  );
  const folder = join(dirname(manifest), 'dist/inspector/page');
  const names = await readdir(folder);
  const read = names
    .filter(name => extname(name) in CONTENT_TYPES)
    .map(async name => [name, await readPageFile(join(folder, name))] as const);
  return new Map(await Promise.all(read));
}

async function readPageFile(path: string): Promise<PageFile> {
  const content = await readFile(path);
  const hash = createHash('sha256').update(content).digest('base64url');
  return {
    content,
    contentType: CONTENT_TYPES[extname(path)]!,
    etag: `"${hash}"`,
  };
}
