import { configDefaults, defineConfig } from 'vitest/config';

/**
 * The slow tier: specs that start engines, kill processes, fill disks, watch system calls or build the documentation.
 * All others are the fast tier, which has the projects `unit` and `e2e`.
 */
const SLOW = [
  'test/{browser,integration}/**/*.spec.ts',
  'test/unit/bullmq/**/*.spec.ts',
  'test/unit/lmdb/**/*.spec.ts',
  'test/unit/postgres/**/*.spec.ts',
  'test/unit/testing/{broken-inboxes,inbox-contract}.spec.ts',
  'test/package/{docs,engines,request-path}.spec.ts',
  'test/e2e/{bullmq*,crash*,fuzz,lmdb*,pause,postgres*,recipes.transactional*}.spec.ts',
  'sample/{03-durable,04-scale-out,06-transcripts}/test/**/*.spec.ts',
];

/** Specs that run in both tiers: over inboxes without an engine in the fast one, over the others in the slow one. */
const BOTH = [
  'test/e2e/{dead-letters,delivery,execution-context,health,large-bodies,opentelemetry,processing}.spec.ts',
];

/** Unit tests that mock modules, and so can't share modules with others. */
const MOCKING = ['test/unit/events/xenioo.events.spec.ts'];

/** Limit of every wait. It is far above what a wait takes, so that a busy machine makes tests slow, not red. */
const WAIT_MS = 60_000;

export default defineConfig({
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  test: {
    maxWorkers: '100%',
    testTimeout: WAIT_MS,
    hookTimeout: WAIT_MS,
    expect: { poll: { timeout: WAIT_MS / 2 } },
    reporters: ['default', 'json'],
    outputFile: { json: 'coverage/results.json' },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/unit/**/*.spec.ts'],
          exclude: [...configDefaults.exclude, ...SLOW, ...MOCKING],
          setupFiles: ['test/support/check-no-classes.ts'],
          // Loading Nest for every file would take longer than the tests.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: [
            'test/{e2e,package,types}/**/*.spec.ts',
            'sample/*/test/**/*.spec.ts',
            ...MOCKING,
          ],
          exclude: [...configDefaults.exclude, ...SLOW],
        },
      },
      {
        extends: true,
        test: {
          name: 'slow',
          // They wait for engines and processes more than they compute.
          maxWorkers: 3,
          // Starting an engine and its recovery after a kill are waits of their own.
          testTimeout: 2 * WAIT_MS,
          sequence: { groupOrder: 1 },
          include: [...SLOW, ...BOTH],
          globalSetup: ['test/support/engines/global-setup.ts'],
          setupFiles: ['test/support/check-no-classes.ts'],
        },
      },
    ],
  },
});
