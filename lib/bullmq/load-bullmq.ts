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
  /** Package to install when another version is found. */
  readonly install: string;
  readonly isMet: (major: number, minor: number) => boolean;
}

const BULLMQ: Supported = {
  // Older versions hang when a worker is paused (5.76), or can't reset the attempts of a job (5.65).
  text: 'bullmq 5 (5.80 or later) or 6',
  install: 'bullmq@6',
  isMet: (major, minor) => major === 6 || (major === 5 && minor >= 80),
};

const IOREDIS: Supported = {
  text: 'ioredis 5 or 6',
  install: 'ioredis@5',
  isMet: major => major === 5 || major === 6,
};

/**
 * Loads the packages `bullmq` and `ioredis` of the application.
 * @throws {XeniooOptionsError} when one is missing or its version is not supported
 */
export async function loadBullmq(): Promise<BullmqLibraries> {
  // Checked before loading: an unsupported version may have other exports.
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
        `bullmqInbox() needs the package ${name}, which could not be loaded: ${describeError(error).message}. Run npm install ${install}`,
      ],
      { cause: error },
    );
  }
}

function assertSupported(name: string, supported: Supported): void {
  const problem = versionProblem(versionOf(name), supported);
  if (problem !== undefined) throw new XeniooOptionsError([problem]);
}

/** Returns a problem if a version is not supported; an unknown version, as in a bundle, is accepted. */
export function versionProblem(
  version: string | undefined,
  { text, install, isMet }: Supported = BULLMQ,
): string | undefined {
  if (version === undefined) return undefined;
  const [major, minor] = version.split('.').map(Number);
  return isMet(major!, minor!)
    ? undefined
    : `bullmqInbox() needs ${text}, got ${version}. Run npm install ${install}`;
}

function versionOf(name: string): string | undefined {
  try {
    const load = createRequire(THIS_FILE);
    return (load(`${name}/package.json`) as { version?: string }).version;
  } catch {
    return undefined;
  }
}
