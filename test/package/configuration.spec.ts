import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const page = await readFile(`${ROOT}docs/configuration.md`, 'utf8');

/** Tables of docs/configuration.md, by their headings, with the interfaces whose options they list. */
const TABLES: [heading: string, interfaces: [file: string, name: string][]][] =
  [
    [
      'Options',
      [
        ['options/xenioo.options.ts', 'XeniooOptions'],
        ['xenioo.module-definition.ts', 'XeniooDefinitionOptions'],
      ],
    ],
    ['Retries', [['options/xenioo-retry.ts', 'XeniooRetryOptions']]],
    ['Duplicates', [['options/xenioo-dedupe.ts', 'XeniooDedupeOptions']]],
    ['Several bots', [['options/xenioo.options.ts', 'XeniooBot']]],
    [
      'Options of the decorators',
      [
        ['handlers/subscription.ts', 'XeniooHandlerOptions'],
        ['handlers/on-xenioo.decorator.ts', 'OnXeniooOptions'],
      ],
    ],
  ];

interface Option {
  readonly name: string;
  /** Text of its `@default`. */
  readonly preset: string | undefined;
}

async function optionsOf(file: string, name: string): Promise<Option[]> {
  const source = await readFile(`${ROOT}lib/${file}`, 'utf8');
  const declaration = new RegExp(`interface ${name}\\b[^{]*{([^]*?)\\n}`);
  const members = declaration
    .exec(source)![1]!
    .matchAll(/\n {2}(?:\/\*\*((?:(?!\*\/)[^])*)\*\/\n {2})?(\w+)\??: /g);
  return [...members].map(([, comment = '', option]) => ({
    name: option!,
    preset: /@default (.*)/.exec(comment)?.[1],
  }));
}

/** Returns the options in the table below a heading of level 2, with the cells of their defaults. */
function documentedBelow(heading: string): Map<string, string> {
  const [, section] = page.split(`\n## ${heading}\n`);
  const rows = section!.split('\n## ')[0]!.matchAll(/^\| `(\w+)` *\|([^|]*)/gm);
  return new Map([...rows].map(([, name, preset]) => [name!, preset!.trim()]));
}

describe.each(TABLES)('docs/configuration.md, %s', (heading, interfaces) => {
  it('lists each option, and no other, with its default', async () => {
    const options = (
      await Promise.all(interfaces.map(([file, name]) => optionsOf(file, name)))
    ).flat();
    const documented = documentedBelow(heading);

    const names = options.map(({ name }) => name);
    expect([...documented.keys()].toSorted()).toEqual(names.toSorted());
    for (const { name, preset } of options) {
      // The fields of an object have rows of their own.
      if (preset === undefined || preset.startsWith('{')) continue;
      const [value] = preset.split(', ');
      expect(documented.get(name), name).toBe(`\`${value}\``);
    }
  });
});
