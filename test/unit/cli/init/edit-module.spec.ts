import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editModule } from '../../../../lib/cli/init/edit-module.js';
import { nodesOf, parseSource } from '../../../../lib/cli/init/parse-source.js';
import { styleOf } from '../../../../lib/cli/init/source-style.js';
import { APP_MODULE } from '../../../support/nest-files.js';

const ADDITIONS = {
  className: 'AppModule',
  namedImports: [{ names: ['XeniooModule'], from: 'nestjs-xenioo' }],
  imports: ['XeniooModule.forRoot({ secret })'],
  providers: ['Handlers'],
};

function edit(source: string, additions: Partial<typeof ADDITIONS> = {}) {
  return editModule(source, { ...ADDITIONS, ...additions }, styleOf(source));
}

/** Edits a module whose decorator has this argument, and returns the decorator. */
function editMetadata(metadata: string, additions?: Partial<typeof ADDITIONS>) {
  const decorator = `@Module(${metadata})`;
  const edited = edit(
    `import { Module } from '@nestjs/common';\n\n${decorator}\nexport class AppModule {}\n`,
    { ...additions, namedImports: [] },
  );
  return edited
    ?.replace(/^import .*\n\n/, '')
    .replace(/\nexport class AppModule \{\}\n$/, '');
}

describe('editModule()', () => {
  it('extends the module that Nest makes', () => {
    expect(edit(APP_MODULE)).toBe(`import { Module } from '@nestjs/common';
import { XeniooModule } from 'nestjs-xenioo';
import { AppController } from './app.controller';
import { AppService } from './app.service';

@Module({
  imports: [XeniooModule.forRoot({ secret })],
  controllers: [AppController],
  providers: [AppService, Handlers],
})
export class AppModule {}
`);
  });

  it('adds the properties that are missing', () => {
    const all = `@Module({
  imports: [XeniooModule.forRoot({ secret })],
  providers: [Handlers],
})`;
    expect(editMetadata('{}')).toBe(all);
    expect(editMetadata('{\n}')).toBe(all);
    expect(editMetadata('{ controllers: [A] }')).toBe(`@Module({
  imports: [XeniooModule.forRoot({ secret })],
  controllers: [A],
  providers: [Handlers],
})`);
    expect(editMetadata('{\n  controllers: [A],\n}')).toBe(`@Module({
  imports: [XeniooModule.forRoot({ secret })],
  controllers: [A],
  providers: [Handlers],
})`);
  });

  it('keeps a list on one line that fits', () => {
    expect(editMetadata('{ imports: [A], providers: [B] }')).toBe(
      `@Module({
  imports: [A, XeniooModule.forRoot({ secret })],
  providers: [B, Handlers],
})`,
    );
  });

  it('gives each element a line where one line is too short', () => {
    expect(
      editMetadata(
        '{\n  imports: [TypeOrmModule.forRoot(databaseOptions), ScheduleModule],\n  providers: [],\n}',
      ),
    ).toBe(`@Module({
  imports: [
    TypeOrmModule.forRoot(databaseOptions),
    ScheduleModule,
    XeniooModule.forRoot({ secret }),
  ],
  providers: [Handlers],
})`);
  });

  it('indents an element of several lines that shared the line of its list', () => {
    expect(
      editMetadata(
        '{\n  imports: [A.forRoot({\n    b: 1,\n  })],\n  providers: [],\n}',
      ),
    ).toBe(`@Module({
  imports: [
    A.forRoot({
      b: 1,
    }),
    XeniooModule.forRoot({ secret }),
  ],
  providers: [Handlers],
})`);
  });

  it('keeps comments, and a list without a last comma', () => {
    expect(
      editMetadata(`{
  // modules
  imports: [
    A, // the first
    B // the second, [in brackets
  ], // end
  providers: [
    // none yet
  ],
}`),
    ).toBe(`@Module({
  // modules
  imports: [
    A, // the first
    B, // the second, [in brackets
    XeniooModule.forRoot({ secret })
  ], // end
  providers: [
    // none yet
    Handlers,
  ],
})`);
  });

  it('keeps comments on the line of the list', () => {
    expect(
      editMetadata('{ imports: [/* none */], providers: [A /* one, two */] }'),
    ).toContain('providers: [A, Handlers /* one, two */]');
  });

  it('extends lists with spreads, and lists that are not literals', () => {
    expect(
      editMetadata('{ imports: [...shared], providers }', { imports: ['X'] }),
    ).toBe(`@Module({
  imports: [...shared, X],
  providers: [...providers, Handlers],
})`);
    expect(
      editMetadata('{ imports: isTest ? [] : all(), "providers": [] }', {
        imports: ['X'],
      }),
    ).toBe(`@Module({
  imports: [...isTest ? [] : all(), X],
  "providers": [Handlers],
})`);
  });

  it.each([
    ['a spread that may replace what is added', '{ imports: [], ...shared }'],
    ['no argument', ''],
    ['a variable', 'metadata'],
    ['a method', '{ imports() {} }'],
  ])('changes nothing with %s', (_what, metadata) => {
    expect(editMetadata(metadata)).toBeUndefined();
  });

  it('extends lists that come after a spread', () => {
    expect(
      editMetadata('{ ...shared, imports: [], providers: [] }', {
        imports: ['X'],
      }),
    ).toBe(`@Module({
  ...shared,
  imports: [X],
  providers: [Handlers],
})`);
  });

  it('changes nothing in a file without the class, or that is not TypeScript', () => {
    expect(edit('export class Other {}')).toBeUndefined();
    expect(edit(`${APP_MODULE}}`)).toBeUndefined();
  });

  it('changes only the class of several', () => {
    const source = `@Module({ imports: [] })
class OtherModule {}

@Global()
@Module({
  imports: [OtherModule],
  providers: [],
})
export default class AppModule {
  constructor(@Inject(TOKEN) private readonly config: unknown) {}
}
`;

    expect(edit(source, { namedImports: [], imports: ['X'] })).toBe(
      source
        .replace('[OtherModule]', '[OtherModule, X]')
        .replace('providers: []', 'providers: [Handlers]'),
    );
  });

  it('keeps tabs, double quotes, line ends, and a style without semicolons', () => {
    const source = APP_MODULE.replaceAll("'", '"')
      .replaceAll(/;$/gm, '')
      .replaceAll('  ', '\t')
      .replaceAll(/,(?=\n\})/g, '')
      .replaceAll('{ ', '{')
      .replaceAll(' }', '}')
      .replaceAll('\n', '\r\n');

    expect(edit(source)).toBe(
      source
        .replace(
          'import {AppController',
          'import {XeniooModule} from "nestjs-xenioo"\r\nimport {AppController',
        )
        .replace('imports: []', 'imports: [XeniooModule.forRoot({ secret })]')
        .replace('[AppService]', '[AppService, Handlers]'),
    );
  });

  it('adds names to imports of the same package', () => {
    const source = `import type { ConfigFactory } from '@nestjs/config';
import { ConfigModule } from '@nestjs/config';
${APP_MODULE}`;

    const edited = edit(source, {
      namedImports: [
        { names: ['ConfigModule', 'ConfigService'], from: '@nestjs/config' },
      ],
    });

    expect(edited).toContain(
      "import { ConfigModule, ConfigService } from '@nestjs/config';",
    );
    expect(edited).toContain('import type { ConfigFactory } from');
  });

  it('adds names to imports on several lines', () => {
    const source = APP_MODULE.replace(
      '{ Module }',
      '{\n  Module,\n  type Provider,\n}',
    );

    expect(
      edit(source, {
        namedImports: [{ names: ['Global'], from: '@nestjs/common' }],
      }),
    ).toContain('{\n  Module,\n  type Provider,\n  Global,\n}');
  });

  it('imports files after all others', () => {
    expect(
      edit(APP_MODULE, { namedImports: [{ names: ['X'], from: './x' }] }),
    ).toContain("'./app.service';\nimport { X } from './x';\n");
  });

  it('makes a module that has each addition once, whatever its form', () => {
    const list = fc
      .tuple(
        fc.array(
          fc.constantFrom(
            'A',
            '...shared',
            'B.forRoot({ b: 1 })',
            'C.forRoot({\n  c: `\n`,\n})',
            '{ provide: D, useValue: [1] }',
          ),
          { maxLength: 3 },
        ),
        fc.constantFrom(', ', ',\n  ', ', // [\n', ' /* ] */, '),
        fc.constantFrom('', ' ', '\n', ',', ',\n', ' // }\n', ', /* { */'),
      )
      .map(([items, separator, end]) =>
        items.length === 0
          ? `[${end.replace(',', '')}]`
          : `[${items.join(separator)}${end}]`,
      );
    const property = (name: string) =>
      fc.oneof(
        { weight: 4, arbitrary: list.map(value => `${name}: ${value}`) },
        fc.constantFrom(name, `'${name}': others()`),
      );
    const metadata = fc
      .tuple(
        fc.subarray(['imports', 'providers', 'controllers']),
        property('imports'),
        property('providers'),
        property('controllers'),
        fc.constantFrom(', ', ',\n', ',\n\t', ', // ,\n'),
        fc.constantFrom('', ' ', '\n', ',', ',\n', '\r\n', ' // }\n'),
      )
      .map(([names, imports, providers, controllers, separator, end]) => {
        const all: Record<string, string> = { imports, providers, controllers };
        const properties = names.map(name => all[name]).join(separator);
        return `{${properties}${properties === '' ? end.replace(',', '') : end}}`;
      });

    fc.assert(
      fc.property(metadata, text => {
        const source = `import { Module } from '@nestjs/common';\n@Module(${text})\nexport class AppModule {}\n`;

        const edited = edit(source)!;

        const program = parseSource(edited);
        expect(program, edited).toBeDefined();
        const added = (parent: string) =>
          [...nodesOf(program)].filter(
            node =>
              node.type === 'ObjectProperty' &&
              /["']?(\w+)/.exec(edited.slice(node.start!))?.[1] === parent &&
              node.value.type === 'ArrayExpression' &&
              node.value.elements
                .slice(-1)
                .some(
                  last =>
                    last?.type === 'Identifier' ||
                    last?.type === 'CallExpression',
                ),
          );
        expect(added('imports').length, edited).toBe(1);
        expect(added('providers').length, edited).toBe(1);
        expect(edited.match(/XeniooModule\.forRoot/g)).toHaveLength(1);
        expect(edited.match(/\bHandlers\b/g)).toHaveLength(1);
        const commentsOf = (code: string) => code.match(/\/\/|\/\*/g);
        expect(commentsOf(edited), edited).toEqual(commentsOf(source));
      }),
      { numRuns: 200 },
    );
  });
});
