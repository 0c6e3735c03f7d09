import { Injectable } from '@nestjs/common';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import {
  ClsPluginTransactional,
  TransactionHost,
} from '@nestjs-cls/transactional';
import { TransactionalAdapterTypeOrm } from '@nestjs-cls/transactional-adapter-typeorm';
import { ClsModule } from 'nestjs-cls';
import { Entity, PrimaryColumn } from 'typeorm';
import {
  OnXenioo,
  XeniooEventType,
  XeniooModule,
  type UserMessageEvent,
} from '../../lib/index.js';
import {
  postgresInbox,
  type PostgresTransactionRunner,
} from '../../lib/postgres/index.js';
import { describeEngine } from '../support/engines/describe-engine.js';
import {
  RECIPE_OPTIONS,
  RecipeSteps,
  testTransactionalRecipe,
} from '../support/transactional-recipe.js';

/** Runs transactional handlers in transactions of TypeORM. */
export function inTypeOrm(
  host: TransactionHost<TransactionalAdapterTypeOrm>,
): PostgresTransactionRunner {
  return work =>
    host.withTransaction(() =>
      work({
        query: async (text, values = []) => {
          const { queryRunner } = host.tx;
          const { records } = await queryRunner!.query(text, [...values], true);
          return { rows: records };
        },
      }),
    );
}

@Entity()
export class Note {
  @PrimaryColumn({ type: 'text' })
  text!: string;
}

@Injectable()
export class Crm {
  constructor(
    private readonly host: TransactionHost<TransactionalAdapterTypeOrm>,
    private readonly steps: RecipeSteps,
  ) {}

  @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
  async save({ text }: UserMessageEvent) {
    await this.steps.handle(async () => {
      await this.host.tx.getRepository(Note).insert({ text: text! });
    });
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
