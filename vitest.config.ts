import { defineConfig } from 'vitest/config';

export default defineConfig({
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  test: {
    include: ['test/**/*.spec.ts', 'sample/*/test/**/*.spec.ts'],
    reporters: ['default', ['json', { outputFile: 'coverage/results.json' }]],
  },
});
