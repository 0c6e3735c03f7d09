import type { Bench } from './inbox-bench.js';

/** Tests by what they state. */
export type ContractCases = Record<string, (bench: Bench) => Promise<void>>;
