import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { ADMIN_TOKEN } from './admin.guard.js';
import { AppModule } from './app.module.js';

const app = await NestFactory.create(AppModule);
app.enableShutdownHooks();
await app.listen(process.env.PORT ?? 3000, process.env.HOST ?? '127.0.0.1');

const url = await app.getUrl();
// A token of the environment is not printed.
const token = process.env.ADMIN_TOKEN ? '$ADMIN_TOKEN' : ADMIN_TOKEN;
console.log(`
Send it messages, kill it in between (kill -9 ${process.pid}) and start it again:

  curl -i ${url}/xenioo/webhook \\
    -H 'Authorization: Bearer durable-secret' \\
    -d '{"Type":1,"Data":"Hello there!","UserName":"Ada"}'

See the events and the dead letters, and replay them; the page asks for “Bearer ${token}”:

  ${url}/xenioo/inspector/
`);
