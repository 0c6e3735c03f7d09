import {
  Inject,
  Injectable,
  Module,
  type OnModuleDestroy,
} from '@nestjs/common';
import {
  ClsPluginTransactional,
  TransactionHost,
  type TransactionalAdapter,
} from '@nestjs-cls/transactional';
import { TransactionalAdapterDrizzleOrm } from '@nestjs-cls/transactional-adapter-drizzle-orm';
import { sql } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { pgSchema, text as textColumn } from 'drizzle-orm/pg-core';
import { ClsModule } from 'nestjs-cls';
import { Pool } from 'pg';
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

// Without `exactOptionalPropertyTypes`, TransactionalAdapterDrizzleOrm<NodePgDatabase> is enough.
type DrizzleHost = TransactionHost<
  TransactionalAdapter<NodePgDatabase, NodePgDatabase, object>
>;

/** Runs transactional handlers in transactions of Drizzle. */
export function inDrizzle(host: DrizzleHost): PostgresTransactionRunner {
  return work =>
    host.withTransaction(() =>
      work({
        query: async (text, values = []) =>
          host.tx.execute(statementOf(text, values)),
      }),
    );
}

/** Returns a statement of Drizzle for a text with the placeholders $1, $2 … */
function statementOf(text: string, values: readonly unknown[]) {
  const parts = text
    .split(/\$(\d+)/)
    .map((part, index) =>
      index % 2 === 0 ? sql.raw(part) : sql.param(values[Number(part) - 1]),
    );
  return sql.join(parts);
}

/** Pool of the application. Without the listener, a connection that ends during a transaction ends the process. */
export function createPool(url: string): Pool {
  const pool = new Pool({ connectionString: url });
  pool.on('connect', client => client.on('error', () => {}));
  pool.on('error', () => {});
  return pool;
}

describeEngine('postgres', 'a handler that writes with Drizzle', () => {
  testTransactionalRecipe(({ url, schema }, steps) => {
    const note = pgSchema(schema).table('note', {
      text: textColumn().notNull(),
    });

    @Injectable()
    class Crm {
      constructor(
        @Inject(TransactionHost) private readonly host: DrizzleHost,
        private readonly steps: RecipeSteps,
      ) {}

      @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
      async save({ text }: UserMessageEvent) {
        await this.steps.handle(async () => {
          await this.host.tx.insert(note).values({ text: text! });
        });
      }
    }

    @Module({
      providers: [
        { provide: Pool, useFactory: () => createPool(url) },
        {
          provide: 'DRIZZLE',
          inject: [Pool],
          useFactory: (pool: Pool) => drizzle(pool),
        },
      ],
      exports: ['DRIZZLE'],
    })
    class DrizzleModule implements OnModuleDestroy {
      constructor(private readonly pool: Pool) {}

      async onModuleDestroy() {
        await this.pool.end();
      }
    }

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
