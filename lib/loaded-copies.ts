import type { Type } from '@nestjs/common';
import { THIS_FILE } from './this-file.js';

/** Constants that the build replaces. */
declare const XENIOO_VERSION: string | undefined;
declare const XENIOO_FORMAT: string | undefined;

/** Injection tokens by name. Each copy of the package has tokens of its own. */
type Tokens = Readonly<Record<string, object>>;

interface Copy {
  readonly version: string;
  /** `esm` or `cjs`. */
  readonly format: string;
  readonly url: string;
  tokens: Tokens;
}

/** The copies of this package in the process, shared by all of them. */
interface CopyRegistry {
  readonly copies: Copy[];
  hasWarned: boolean;
}

const REGISTRY = Symbol.for('nestjs-xenioo:copies');

const THIS_COPY: Copy = {
  version: typeof XENIOO_VERSION === 'undefined' ? 'source' : XENIOO_VERSION,
  format: typeof XENIOO_FORMAT === 'undefined' ? 'esm' : XENIOO_FORMAT,
  url: THIS_FILE,
  tokens: {},
};

function copyRegistry(): CopyRegistry {
  const shared = globalThis as { [REGISTRY]?: CopyRegistry };
  return (shared[REGISTRY] ??= { copies: [], hasWarned: false });
}

/** Registers this copy and its injection tokens in the process. */
export function registerCopy(tokens: Tokens): void {
  THIS_COPY.tokens = tokens;
  const { copies } = copyRegistry();
  // A copy that is loaded again, as after `jest.resetModules()`, replaces itself.
  const index = copies.findIndex(({ url }) => url === THIS_COPY.url);
  if (index === -1) copies.push(THIS_COPY);
  else copies[index] = THIS_COPY;
}

/** Returns a provider for each token of the other copies: a class that injects one gets the object of this copy. */
export function providersForOtherCopies(): {
  provide: Type;
  useExisting: Type;
}[] {
  return copyRegistry()
    .copies.filter(copy => copy !== THIS_COPY)
    .flatMap(({ tokens }) =>
      Object.entries(tokens)
        .filter(([name]) => name in THIS_COPY.tokens)
        .map(([name, provide]) => ({
          provide: provide as Type,
          useExisting: THIS_COPY.tokens[name] as Type,
        })),
    );
}

/** Returns a warning if the process has loaded several copies, once per process. */
export function copiesWarning(): string | undefined {
  const shared = copyRegistry();
  if (shared.copies.length < 2 || shared.hasWarned) return undefined;
  shared.hasWarned = true;
  const list = shared.copies
    .map(({ version, format, url }) => `${version} (${format}) at ${url}`)
    .join(' and ');
  return `nestjs-xenioo is loaded ${shared.copies.length} times: ${list}. Handlers, events and errors of all copies work, but a single copy is recommended: give all packages of the workspace the same versions of its peer dependencies (npm dedupe), and load it either with \`import\` or with \`require()\`.`;
}
