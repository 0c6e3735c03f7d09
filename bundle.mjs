/**
 * Makes the JavaScript of the package from lib: few files, because Node.js takes
 * longer to find a hundred than to run them. Types, and the check of them, are tsc's.
 */
import { rolldown } from 'rolldown';

const INPUT = {
  // What a host installs is its own; all that is ours, and what the decorators
  // compile to, goes into the build.
  external: (id, _importer, isResolved) =>
    !isResolved && !/^[./]|^@oxc-project\/runtime\//.test(id),
  platform: 'node',
  preserveEntrySignatures: 'strict',
  tsconfig: 'tsconfig.build.json',
  logLevel: 'warn',
  onLog(_level, { message }) {
    throw new Error(message);
  },
};

const OUTPUT = {
  dir: 'dist',
  chunkFileNames: 'chunks/[name].js',
  // Nest and its log name providers by their classes.
  keepNames: true,
  sourcemap: true,
  // The package holds lib.
  sourcemapExcludeSources: true,
};

await bundle(
  ['index', 'inbox/index', 'bullmq/index', 'lmdb/index', 'testing/index'],
  {
    // One copy, so that a class is the same whichever entry it comes from.
    codeSplitting: { groups: [{ name: 'shared', minShareCount: 2 }] },
  },
);
// By itself: what the entries share loads Nest.
await bundle(['cli/main'], {});

async function bundle(entries, output) {
  const input = Object.fromEntries(
    entries.map(entry => [entry, `./lib/${entry}.ts`]),
  );
  const build = await rolldown({ ...INPUT, input });
  await build.write({ ...OUTPUT, ...output });
  await build.close();
}
