import { Module } from '@nestjs/common';
import { XeniooModule } from 'nestjs-xenioo';
import { postgresInbox } from 'nestjs-xenioo/postgres';
import { Pool } from 'pg';
import { BotsModule } from './bots.module.js';
import { Bots } from './bots.js';
import { DatabaseModule } from './database.module.js';
import { PageController } from './page.controller.js';
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
        inject: [Pool],
        useFactory: (pool: Pool) => ({ connection: pool }),
      }),
    }),
  ],
  controllers: [PageController, TranscriptsController],
  providers: [Recorder, Statistics, Transcripts],
})
export class AppModule {}
