import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { BoardModule } from './board.module.js';
import { BOARD_PASSWORD } from './staff.guard.js';

@Module({ imports: [AppModule.forRole('web'), BoardModule] })
class WebModule {}

const app = await NestFactory.create(WebModule);
app.enableShutdownHooks();
await app.listen(process.env.PORT ?? 3000, '127.0.0.1');

const url = await app.getUrl();
console.log(`
Start any number of workers (npm run start:worker -w sample-04-scale-out) and send a message:

  curl -i ${url}/xenioo/webhook \\
    -H 'Authorization: Bearer scale-out-secret' \\
    -d '{"Type":1,"Data":"Hello there!","UserName":"Ada"}'

Messages that workers fail to save (start them with CRM=down) become dead letters: the board
shows them under “Failed”, and “Retry” replays one of them. So does the inspector, which
shows what this process receives, too:

  ${url}/xenioo/inspector/
  ${url}/queues (user board, password ${BOARD_PASSWORD})
`);
