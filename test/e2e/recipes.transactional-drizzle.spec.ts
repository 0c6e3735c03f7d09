import { Inject, Injectable } from '@nestjs/common';
import {
  ClsPluginTransactional,
  TransactionHost,
} from '@nestjs-cls/transactional';
import { TransactionalAdapterDrizzleOrm } from '@nestjs-cls/transactional-adapter-drizzle-orm';
import { ClsModule } from 'nestjs-cls';
import { onTestFinished, vi } from 'vitest';
import {
  OnXenioo,
  XeniooEventType,
  XeniooModule,
  type UserMessageEvent,
} from '../../lib/index.js';
import { postgresInbox } from '../../lib/postgres/index.js';
import {
  DrizzleModule,
  inDrizzle,
  Notes,
  type DrizzleHost,
} from '../recipes/drizzle.js';
import { describeEngine } from '../support/engines/describe-engine.js';
import {
  RECIPE_OPTIONS,
  RecipeSteps,
  testTransactionalRecipe,
} from '../support/transactional-recipe.js';

@Injectable()
class Crm {
  private readonly notes: Notes;

  constructor(
    @Inject(TransactionHost) host: DrizzleHost,
    private readonly steps: RecipeSteps,
  ) {
    this.notes = new Notes(host);
  }

  @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
  async save(event: UserMessageEvent) {
    await this.steps.handle(() => this.notes.save(event));
  }
}

describeEngine('postgres', 'a handler that writes with Drizzle', () => {
  testTransactionalRecipe(({ url, schema }, steps) => {
    const inSchema = new URL(url);
    inSchema.searchParams.set('options', `-c search_path=${schema}`);
    vi.stubEnv('DATABASE_URL', inSchema.href);
    onTestFinished(() => void vi.unstubAllEnvs());

    return {
      imports: [
        ClsModule.forRoot({
          plugins: [
            new ClsPluginTransactional({
              imports: [DrizzleModule],
              adapter: new TransactionalAdapterDrizzleOrm({
                drizzleInstanceToken: 'DRIZZLE',
              }),
            }),
          ],
        }),
        XeniooModule.forRoot({
          ...RECIPE_OPTIONS,
          inbox: postgresInbox({
            inject: [TransactionHost],
            useFactory: (host: DrizzleHost) => ({
              connection: url,
              schema,
              transaction: steps.addTo(inDrizzle(host)),
            }),
          }),
        }),
      ],
      providers: [Crm, { provide: RecipeSteps, useValue: steps }],
    };
  });
});
