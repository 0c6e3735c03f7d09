import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { XeniooModule } from 'nestjs-xenioo';
import { postgresInbox } from 'nestjs-xenioo/postgres';
import { BotsModule } from './bots.module.js';
import { Bots } from './bots.js';
import { Database, DatabaseModule } from './database.module.js';
import { PageController } from './page.controller.js';
import { QueryErrorFilter } from './query-errors.js';
import { Recorder } from './recorder.js';
import { Statistics } from './statistics.js';
import { TranscriptsController } from './transcripts.controller.js';
import { Transcripts } from './transcripts.js';

@Module({
  imports: [
    DatabaseModule,
    XeniooModule.forRootAsync({
      imports: [DatabaseModule, BotsModule],
      inject: [Bots],
      useFactory: (bots: Bots) => ({ bots: () => bots.list() }),
      inbox: postgresInbox({
        inject: [Database],
        // A pool of its own: slow queries of the page must not keep calls waiting.
        useFactory: ({ url }: Database) => ({ connection: url }),
      }),
    }),
  ],
  controllers: [PageController, TranscriptsController],
  providers: [
    Recorder,
    Statistics,
    Transcripts,
    { provide: APP_FILTER, useClass: QueryErrorFilter },
  ],
})
export class AppModule {}
