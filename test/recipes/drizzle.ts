import {
  Inject,
  Injectable,
  Module,
  type OnApplicationShutdown,
} from '@nestjs/common';
import {
  ClsPluginTransactional,
  TransactionHost,
  type TransactionalAdapter,
} from '@nestjs-cls/transactional';
import { TransactionalAdapterDrizzleOrm } from '@nestjs-cls/transactional-adapter-drizzle-orm';
import { DrizzleQueryError, sql } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { pgTable, text as textColumn } from 'drizzle-orm/pg-core';
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

export type DrizzleHost = TransactionHost<
  TransactionalAdapter<NodePgDatabase, NodePgDatabase, object>
>;

/** Runs transactional handlers in transactions of Drizzle. */
export function inDrizzle(host: DrizzleHost): PostgresTransactionRunner {
  return work =>
    host
      .withTransaction(() =>
        work({
          query: async (text, values = []) =>
            host.tx.execute(statementOf(text, values)),
        }),
      )
      .catch((error: unknown) => {
        // The message of DrizzleQueryError contains what people wrote; its cause does not.
        throw error instanceof DrizzleQueryError ? error.cause : error;
      });
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

/** Without the listeners, a connection that ends during a transaction ends the process. */
export function createPool(url: string): Pool {
  const pool = new Pool({ connectionString: url });
  pool.on('connect', client => client.on('error', () => {}));
  pool.on('error', () => {});
  return pool;
}

const note = pgTable('note', { text: textColumn().notNull() });

@Injectable()
export class Notes {
  constructor(@Inject(TransactionHost) private readonly host: DrizzleHost) {}

  @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
  async save({ text }: UserMessageEvent) {
    await this.host.tx.insert(note).values({ text: text! });
  }
}

@Module({
  providers: [
    {
      provide: Pool,
      useFactory: () => createPool(process.env['DATABASE_URL']!),
    },
    {
      provide: 'DRIZZLE',
      inject: [Pool],
      useFactory: (pool: Pool) => drizzle(pool),
    },
  ],
  exports: ['DRIZZLE'],
})
export class DrizzleModule implements OnApplicationShutdown {
  constructor(private readonly pool: Pool) {}

  async onApplicationShutdown() {
    await this.pool.end();
  }
}

@Module({
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
      secret: process.env['XENIOO_SECRET'],
      inbox: postgresInbox({
        inject: [TransactionHost],
        useFactory: (host: DrizzleHost) => ({
          connection: process.env['DATABASE_URL']!,
          transaction: inDrizzle(host),
        }),
      }),
    }),
  ],
  providers: [Notes],
})
export class AppModule {}
