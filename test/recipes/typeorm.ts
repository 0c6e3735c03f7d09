import { Injectable, Module } from '@nestjs/common';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import {
  ClsPluginTransactional,
  TransactionHost,
} from '@nestjs-cls/transactional';
import { TransactionalAdapterTypeOrm } from '@nestjs-cls/transactional-adapter-typeorm';
import { ClsModule } from 'nestjs-cls';
import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
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

type TypeOrmHost = TransactionHost<TransactionalAdapterTypeOrm>;

/** Runs transactional handlers in transactions of TypeORM. */
export function inTypeOrm(host: TypeOrmHost): PostgresTransactionRunner {
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
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text')
  text!: string;
}

@Injectable()
export class Notes {
  constructor(
    private readonly host: TransactionHost<TransactionalAdapterTypeOrm>,
  ) {}

  @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
  async save({ text }: UserMessageEvent) {
    await this.host.tx.getRepository(Note).insert({ text: text! });
  }
}

@Module({
  imports: [
    TypeOrmModule.forRoot({
      type: 'postgres',
      url: process.env['DATABASE_URL']!,
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
      secret: process.env['XENIOO_SECRET'],
      inbox: postgresInbox({
        inject: [TransactionHost],
        useFactory: (host: TypeOrmHost) => ({
          connection: process.env['DATABASE_URL']!,
          transaction: inTypeOrm(host),
        }),
      }),
    }),
  ],
  providers: [Notes],
})
export class AppModule {}
