import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

const app = await NestFactory.createApplicationContext(
  AppModule.forRole('worker'),
);
// On SIGTERM it starts nothing more, finishes what runs, and leaves the rest to the others.
app.enableShutdownHooks();

console.log(`
Worker ${process.pid} waits for events. Start more of them, here or on other machines;
stop one (kill ${process.pid}) or kill it (kill -9 ${process.pid}) while it saves: the others go on.
`);
