import { Module, type Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { OnXenioo, XeniooModule, type XeniooInbox } from '../../lib/index.js';
import { expect, it, onTestFinished } from 'vitest';
import { AcceptOnlyInbox } from '../support/accept-only-inbox.js';

class DurableInbox extends AcceptOnlyInbox {
  override readonly storageLocation = '/var/xenioo';

  async accept(): Promise<void> {}
}

/** Class as a bundler with `--minify` emits it. */
class r {
  @OnXenioo()
  handle(): void {}
}

async function boot(handlers: Type, inbox?: XeniooInbox): Promise<void> {
  @Module({
    imports: [
      XeniooModule.forRoot({
        secret: 'secret-of-the-tests',
        ...(inbox && { inbox: { useFactory: () => inbox } }),
      }),
    ],
    providers: [handlers],
  })
  class AppModule {}
  // The minifier has renamed the module too.
  Object.defineProperty(AppModule, 'name', { value: 't' });

  const testing = await Test.createTestingModule({
    imports: [AppModule],
  }).compile();
  const app = testing.createNestApplication({ logger: false });
  onTestFinished(() => app.close());
  await app.init();
}

it('does not boot with a durable inbox and a handler of a minified class', async () => {
  await expect(boot(r, new DurableInbox())).rejects.toThrow(
    /^The class names in r\.handle look minified.* \/var\/xenioo stores tasks .* give each of these handlers a `name`/,
  );
});

it('boots with a durable inbox and a handler of a minified class with the option `name`', async () => {
  class e {
    @OnXenioo({ name: 'crm' })
    handle(): void {}
  }

  await expect(boot(e, new DurableInbox())).resolves.toBeUndefined();
});

it('boots with the memory inbox and a handler of a minified class', async () => {
  await expect(boot(r)).resolves.toBeUndefined();
});
