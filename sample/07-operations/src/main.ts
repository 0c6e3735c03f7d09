import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

const app = await NestFactory.create(AppModule);
app.enableShutdownHooks();
await app.listen(process.env.PORT ?? 3000, '127.0.0.1');

const url = await app.getUrl();
console.log(`
Send messages, one that is saved and one that fails:

  curl -i ${url}/xenioo/webhook \\
    -H 'Authorization: Bearer operations-secret' \\
    -d '[{"Type":1,"Data":"Hello there!"},{"Type":1,"Data":"fail"}]'

Check the results:

  curl ${url}/health/ready
  curl ${url}/metrics

Pause the handlers, send more, and resume:

  curl -X POST ${url}/processing/pause -H 'Authorization: Bearer admin-token'
  curl -X POST ${url}/processing/resume -H 'Authorization: Bearer admin-token'
`);
