import type { NamedImport } from './edit-module.js';

/** Code that calls the module, as an element of `imports`. */
interface ModuleCode {
  readonly imports: readonly string[];
  readonly namedImports: readonly NamedImport[];
}

const XENIOO_MODULE: NamedImport = {
  names: ['XeniooModule'],
  from: 'nestjs-xenioo',
};

/** Reads the secret from the environment. */
export const MODULE: ModuleCode = {
  imports: ['XeniooModule.forRoot({ secret: process.env.XENIOO_SECRET })'],
  namedImports: [XENIOO_MODULE],
};

/** Reads the secret through `ConfigService`, which the application provides to all modules or only where it is imported. */
export function configuredModule(config: {
  readonly isImported: boolean;
  readonly isGlobal: boolean;
}): ModuleCode {
  const { isImported, isGlobal } = config;
  const imports = isImported && !isGlobal ? '\n  imports: [ConfigModule],' : '';
  const element = `XeniooModule.forRootAsync({${imports}
  inject: [ConfigService],
  useFactory: (config: ConfigService) => ({
    secret: config.get<string>('XENIOO_SECRET'),
  }),
})`;
  const names =
    isImported && isGlobal
      ? ['ConfigService']
      : ['ConfigModule', 'ConfigService'];
  return {
    imports: isImported
      ? [element]
      : ['ConfigModule.forRoot({ isGlobal: true })', element],
    namedImports: [{ names, from: '@nestjs/config' }, XENIOO_MODULE],
  };
}

export const HANDLERS_CLASS = 'XeniooHandlers';

/** First handler. */
export const HANDLERS = `import { Injectable, Logger } from '@nestjs/common';
import { OnXenioo, UserMessageEvent, XeniooEventType } from 'nestjs-xenioo';

@Injectable()
export class ${HANDLERS_CLASS} {
  private readonly logger = new Logger(${HANDLERS_CLASS}.name);

  @OnXenioo(XeniooEventType.UserMessage)
  handleMessage(event: UserMessageEvent): void {
    // Your code: event.text is the message, event.userName its author.
    this.logger.log(\`Received user message \${event.id}\`);
  }
}
`;

/** Writes the spec of the first handler. */
export function handlersSpec({
  runner,
  isFastify,
  file,
}: {
  readonly runner: 'jest' | 'vitest';
  readonly isFastify: boolean;
  /** Module specifier of the handler. */
  readonly file: string;
}): string {
  const app = isFastify ? 'NestFastifyApplication' : 'INestApplication';
  const adapter = isFastify ? 'new FastifyAdapter()' : '';
  const imports = [
    isFastify
      ? "import {\n  FastifyAdapter,\n  type NestFastifyApplication,\n} from '@nestjs/platform-fastify';"
      : "import type { INestApplication } from '@nestjs/common';",
    "import { Test } from '@nestjs/testing';",
    "import { XeniooModule } from 'nestjs-xenioo';",
    "import { deliver, dispatched, idle, xeniooEntry } from 'nestjs-xenioo/testing';",
    ...(runner === 'vitest'
      ? [
          "import { afterEach, beforeEach, describe, expect, it } from 'vitest';",
        ]
      : []),
    `import { ${HANDLERS_CLASS} } from '${file}';`,
  ];
  return `${imports.join('\n')}

describe('${HANDLERS_CLASS}', () => {
  let app: ${app};

  beforeEach(async () => {
    const module = await Test.createTestingModule({
      imports: [XeniooModule.forRoot({ secret: 'secret of the tests' })],
      providers: [${HANDLERS_CLASS}],
    }).compile();
    app = module.createNestApplication(${adapter});
    await app.init();
  });

  afterEach(async () => {
    await app.close();
  });

  it('handles a user message', async () => {
    await deliver(app, xeniooEntry.userMessage({ Data: 'Hello!' }));
    await idle(app);

    expect(dispatched(app)).toMatchObject([
      { handler: '${HANDLERS_CLASS}.handleMessage', status: 'done' },
    ]);
  });
});
`;
}
