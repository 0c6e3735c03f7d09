import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

const app = await NestFactory.create(AppModule);
app.enableShutdownHooks();
await app.listen(process.env.PORT ?? 3000, process.env.HOST ?? '127.0.0.1');

console.log(`
Send it messages, kill it in between (kill -9 ${process.pid}) and start it again:

  curl -i ${await app.getUrl()}/xenioo/webhook \\
    -H 'Authorization: Bearer durable-secret' \\
    -d '{"Type":1,"Data":"Hello there!","UserName":"Ada"}'
`);
