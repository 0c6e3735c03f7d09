import { defineConfig } from 'vitest/config';

export default defineConfig({
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  test: {
    include: ['test/**/*.spec.ts', 'sample/*/test/**/*.spec.ts'],
    globalSetup: ['test/support/engines/global-setup.ts'],
    // A busy machine may take longer than a second.
    expect: { poll: { timeout: 5_000 } },
    reporters: ['default', ['json', { outputFile: 'coverage/results.json' }]],
  },
});
