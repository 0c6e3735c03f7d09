/**
 * Makes the package from lib and from the declarations of tsc: an ES module and a
 * CommonJS module of each entry, with types for both. Few files, because Node.js
 * takes longer to find a hundred than to run them.
 */
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';
import { dts } from 'rolldown-plugin-dts';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

const ENTRIES = [
  'index',
  'inbox/index',
  'bullmq/index',
  'inspector/index',
  'lmdb/index',
  'postgres/index',
  'opentelemetry/index',
  'terminus/index',
  'testing/index',
];

/** Packages that only the command line needs: the host installs all others. */
const BUNDLED =
  /^(?:commander|cli-progress|string-width|emoji-regex|is-fullwidth-code-point|strip-ansi|ansi-regex)$/;

/** What the decorators compile to goes into the build. */
const isOurs = id => /^[./]|^@oxc-project\/runtime\//.test(id);
const isExternal = (id, _importer, isResolved) => !isResolved && !isOurs(id);

const SCRIPT = {
  external: isExternal,
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
  // Nest and its log name providers by their classes.
  keepNames: true,
};

/** One copy of what entries share, so that a class is the same whichever entry it comes from. */
const SHARED = { groups: [{ name: 'shared', minShareCount: 2 }] };

for (const { format, script, types } of [
  { format: 'esm', script: 'js', types: 'd.ts' },
  { format: 'cjs', script: 'cjs', types: 'd.cts' },
]) {
  await bundle(
    inputs('lib', 'ts'),
    {
      ...SCRIPT,
      transform: {
        define: {
          XENIOO_VERSION: JSON.stringify(version),
          XENIOO_FORMAT: JSON.stringify(format),
        },
      },
    },
    {
      ...OUTPUT,
      format,
      exports: 'named',
      codeSplitting: SHARED,
      entryFileNames: `[name].${script}`,
      chunkFileNames: `chunks/[name].${script}`,
      // Jest fails on import() in CommonJS.
      ...(format === 'cjs' && { dynamicImportInCjs: false }),
    },
  );
  await bundle(
    inputs('types', 'd.ts'),
    {
      external: isExternal,
      preserveEntrySignatures: 'strict',
      plugins: [dts({ dtsInput: true, tsconfig: false })],
      // On a busy machine its warning says only that the machine is busy.
      checks: { pluginTimings: false },
    },
    {
      dir: 'dist',
      format: 'es',
      codeSplitting: SHARED,
      entryFileNames: `[name].${types}`,
      chunkFileNames: `chunks/[name].${types}`,
    },
  );
}

// By itself: what the entries share loads Nest.
const { output } = await bundle(
  { 'cli/main': './lib/cli/main.ts' },
  {
    ...SCRIPT,
    external: (...args) => isExternal(...args) && !BUNDLED.test(args[0]),
  },
  { ...OUTPUT, chunkFileNames: 'cli/[name].js' },
);
writeFileSync('dist/cli/THIRD-PARTY-LICENSES.txt', licences(output));

await bundlePage('lib/inspector/page', 'dist/inspector/page');
await writeSchema('dist/schema/events.schema.json');

function inputs(folder, extension) {
  return Object.fromEntries(
    ENTRIES.map(entry => [entry, `./${folder}/${entry}.${extension}`]),
  );
}

async function bundle(input, options, output) {
  const build = await rolldown({ ...options, input });
  const written = await build.write(output);
  await build.close();
  return written;
}

/** Makes the page of the inspector: a document, a script, a style sheet and an icon. */
async function bundlePage(folder, target) {
  const { output } = await bundle(
    `./${folder}/app.tsx`,
    { platform: 'browser', tsconfig: `${folder}/tsconfig.json` },
    { file: `${target}/app.js`, format: 'esm', minify: true },
  );
  const charts = readFileSync('node_modules/uplot/dist/uPlot.min.css', 'utf8');
  const styles = readFileSync(`${folder}/app.css`, 'utf8')
    .replaceAll(/\/\*[^]*?\*\//g, '')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/ ?([{};,]) ?/g, '$1');
  writeFileSync(`${target}/app.css`, `${charts}\n${styles}`);
  for (const file of ['index.html', 'icon.svg']) {
    copyFileSync(`${folder}/${file}`, `${target}/${file}`);
  }
  writeFileSync(`${target}/THIRD-PARTY-LICENSES.txt`, licences(output));
}

/** Writes the JSON Schema of the event classes. */
async function writeSchema(target) {
  const script = resolve('types/events-schema.js');
  await bundle('./lib/events/events-schema.ts', SCRIPT, {
    file: script,
    format: 'esm',
    keepNames: true,
  });
  const { eventsSchema } = await import(pathToFileURL(script));
  mkdirSync(dirname(target));
  writeFileSync(target, `${JSON.stringify(eventsSchema(), null, 2)}\n`);
}

/** The licence of each package in the chunks. */
function licences(chunks) {
  const modules = chunks.flatMap(({ moduleIds = [] }) => moduleIds);
  const folders = modules.flatMap(
    id => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id) ?? [],
  );
  return [...new Set(folders)]
    .toSorted((one, other) => one.localeCompare(other))
    .map(folder => {
      const manifest = readFileSync(join(folder, 'package.json'), 'utf8');
      const { name, version, license } = JSON.parse(manifest);
      const file = readdirSync(folder).find(name => /^licen[cs]e/i.test(name));
      if (!file) throw new Error(`${name} has no licence file`);
      const text = readFileSync(join(folder, file), 'utf8');
      return `${name} ${version} (${license})\n\n${text}`;
    })
    .join('\n---\n\n');
}
