import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { XeniooDeadLetters, XeniooProcessing } from 'nestjs-xenioo';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppModule } from './app.module.js';

/** Handles everything that is left in the inbox, without a webhook, and ends. */
const app = await NestFactory.createApplicationContext(AppModule);
const processing = app.get(XeniooProcessing);

await app.get(XeniooDeadLetters).replayAll();

let stats = await processing.stats();
while (stats.pending + stats.retries > 0) {
  await sleep(500);
  stats = await processing.stats();
}
console.log(`The inbox is drained. Dead letters: ${stats.deadLetters}`);

await app.close();
