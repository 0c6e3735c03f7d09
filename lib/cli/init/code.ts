import { formatNamedImport, type NamedImport } from './edit-module.js';
import { restyle, type SourceStyle } from './source-style.js';

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

/** Writes the file of the handler. */
export function handlersFile(style: SourceStyle): string {
  const imports = [
    { names: ['Injectable', 'Logger'], from: '@nestjs/common' },
    {
      names: ['OnXenioo', 'UserMessageEvent', 'XeniooEventType'],
      from: 'nestjs-xenioo',
    },
  ];
  return writeFile(imports, HANDLERS, style);
}

/** Writes the spec of the handler. */
export function handlersSpec(
  {
    runner,
    isFastify,
    file,
  }: {
    readonly runner: 'jest' | 'vitest';
    readonly isFastify: boolean;
    /** Module specifier of the handler. */
    readonly file: string;
  },
  style: SourceStyle,
): string {
  const app = isFastify ? 'NestFastifyApplication' : 'INestApplication';
  const imports = [
    isFastify
      ? {
          names: ['FastifyAdapter', `type ${app}`],
          from: '@nestjs/platform-fastify',
        }
      : { names: [`type ${app}`], from: '@nestjs/common' },
    { names: ['Test'], from: '@nestjs/testing' },
    XENIOO_MODULE,
    {
      names: ['deliver', 'dispatched', 'idle', 'xeniooEntry'],
      from: 'nestjs-xenioo/testing',
    },
    ...(runner === 'vitest' ? [VITEST] : []),
    { names: [HANDLERS_CLASS], from: file },
  ];
  const body = SPEC.replace('INestApplication', app).replace(
    'createNestApplication()',
    isFastify ? 'createNestApplication(new FastifyAdapter())' : '$&',
  );
  return writeFile(imports, body, style);
}

function writeFile(
  imports: readonly NamedImport[],
  body: string,
  style: SourceStyle,
): string {
  return [
    ...imports.map(named => formatNamedImport(named, style)),
    '',
    restyle(body, style),
  ].join(style.lineEnd);
}

const VITEST: NamedImport = {
  names: ['afterEach', 'beforeEach', 'describe', 'expect', 'it'],
  from: 'vitest',
};

const HANDLERS = `@Injectable()
export class ${HANDLERS_CLASS} {
  private readonly logger = new Logger(${HANDLERS_CLASS}.name);

  @OnXenioo(XeniooEventType.UserMessage)
  handleMessage(event: UserMessageEvent): void {
    // Your code: event.text is the message, event.userName its author.
    this.logger.log(\`Received user message \${event.id}\`);
  }
}
`;

const SPEC = `describe('${HANDLERS_CLASS}', () => {
  let app: INestApplication;

  beforeEach(async () => {
    const module = await Test.createTestingModule({
      imports: [XeniooModule.forRoot({ secret: 'secret of the tests' })],
      providers: [${HANDLERS_CLASS}],
    }).compile();
    app = module.createNestApplication();
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
