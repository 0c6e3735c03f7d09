import { Injectable } from '@nestjs/common';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import {
  ClsPluginTransactional,
  TransactionHost,
} from '@nestjs-cls/transactional';
import { TransactionalAdapterTypeOrm } from '@nestjs-cls/transactional-adapter-typeorm';
import { ClsModule } from 'nestjs-cls';
import {
  OnXenioo,
  XeniooEventType,
  XeniooModule,
  type UserMessageEvent,
} from '../../lib/index.js';
import { postgresInbox } from '../../lib/postgres/index.js';
import { inTypeOrm, Note, Notes } from '../recipes/typeorm.js';
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
    host: TransactionHost<TransactionalAdapterTypeOrm>,
    private readonly steps: RecipeSteps,
  ) {
    this.notes = new Notes(host);
  }

  @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
  async save(event: UserMessageEvent) {
    await this.steps.handle(() => this.notes.save(event));
  }
}

describeEngine('postgres', 'a handler that writes with TypeORM', () => {
  testTransactionalRecipe(({ url, schema }, steps) => ({
    imports: [
      TypeOrmModule.forRoot({
        type: 'postgres',
        url,
        schema,
        entities: [Note],
      }),
      ClsModule.forRoot({
        plugins: [
          new ClsPluginTransactional({
            adapter: new TransactionalAdapterTypeOrm({
              dataSourceToken: getDataSourceToken(),
            }),
          }),
        ],
      }),
      XeniooModule.forRoot({
        ...RECIPE_OPTIONS,
        inbox: postgresInbox({
          inject: [TransactionHost],
          useFactory: (host: TransactionHost<TransactionalAdapterTypeOrm>) => ({
            connection: url,
            schema,
            transaction: steps.addTo(inTypeOrm(host)),
          }),
        }),
      }),
    ],
    providers: [Crm, { provide: RecipeSteps, useValue: steps }],
  }));
});
