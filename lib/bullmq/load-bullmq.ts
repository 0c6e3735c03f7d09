import { createRequire } from 'node:module';
import { describeError } from '../describe-error.js';
import { THIS_FILE } from '../this-file.js';
import { XeniooOptionsError } from '../xenioo.errors.js';

/** The optional packages of the BullMQ inbox. */
export interface BullmqLibraries {
  readonly bullmq: typeof import('bullmq');
  /** The class of ioredis. */
  readonly Redis: typeof import('ioredis').Redis;
}

interface Supported {
  readonly text: string;
  /** Packages to install where another version was found. */
  readonly install: string;
  readonly isMet: (major: number, minor: number) => boolean;
}

const BULLMQ: Supported = {
  // Older ones hang when a worker is paused (5.76), or can't reset the attempts of a job (5.65).
  text: 'bullmq 5 (5.80 or later) or 6',
  install: 'bullmq@6',
  isMet: (major, minor) => major === 6 || (major === 5 && minor >= 80),
};

const IOREDIS: Supported = {
  text: 'ioredis 5 or 6',
  install: 'ioredis@5',
  isMet: major => major === 5 || major === 6,
};

/** @throws {XeniooOptionsError} when a package is missing, or of a version that the inbox can't use */
export async function loadBullmq(): Promise<BullmqLibraries> {
  // The versions first: what an unsupported one exports is unknown.
  assertSupported('bullmq', BULLMQ);
  assertSupported('ioredis', IOREDIS);
  const bullmq = await load('bullmq', BULLMQ, () => import('bullmq'));
  const { Redis } = await load('ioredis', IOREDIS, () => import('ioredis'));
  return { bullmq, Redis };
}

async function load<T>(
  name: string,
  { install }: Supported,
  load: () => Promise<T>,
): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw new XeniooOptionsError(
      [
        `bullmqInbox() needs the package ${name}, which could not be loaded (npm install ${install}): ${describeError(error).message}`,
      ],
      { cause: error },
    );
  }
}

function assertSupported(name: string, supported: Supported): void {
  const problem = versionProblem(versionOf(name), supported);
  if (problem !== undefined) throw new XeniooOptionsError([problem]);
}

/** Returns a sentence where a version is not supported; a bundle has no version to check. */
export function versionProblem(
  version: string | undefined,
  { text, install, isMet }: Supported = BULLMQ,
): string | undefined {
  if (version === undefined) return undefined;
  const [major, minor] = version.split('.').map(Number);
  return isMet(major!, minor!)
    ? undefined
    : `bullmqInbox() needs ${text}, found ${version} (npm install ${install})`;
}

function versionOf(name: string): string | undefined {
  try {
    const load = createRequire(THIS_FILE);
    return (load(`${name}/package.json`) as { version?: string }).version;
  } catch {
    return undefined;
  }
}
