import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

const app = await NestFactory.createApplicationContext(
  AppModule.forRole('worker'),
);
// On SIGTERM the worker finishes its running handlers and leaves the other events to other workers.
app.enableShutdownHooks();

console.log(`
Worker ${process.pid} waits for events. Start more workers, here or on other machines.
Stop one (kill ${process.pid}) or kill it (kill -9 ${process.pid}) while it saves: the others take over its events.
`);
