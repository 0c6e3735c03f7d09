import { Module } from '@nestjs/common';
import { Bots } from './bots.js';
import { DatabaseModule } from './database.module.js';

@Module({ imports: [DatabaseModule], providers: [Bots], exports: [Bots] })
export class BotsModule {}
