import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { Bots } from './bots.js';
import { STAFF_PASSWORD } from './staff.guard.js';

const app = await NestFactory.create(AppModule);
app.enableShutdownHooks();
await app.listen(process.env.PORT ?? 3000, '127.0.0.1');

const url = await app.getUrl();
const secret = await app.get(Bots).printableSecret();
// A password of the environment is not printed.
const password = process.env.STAFF_PASSWORD
  ? '$STAFF_PASSWORD'
  : STAFF_PASSWORD;
console.log(`
Send it conversations, as many as you like:

  npx nestjs-xenioo simulate --url ${url}/xenioo/webhook \\
    --secret ${secret} --conversations 100 --rate 100

Read and search them:

  ${url}/ (user staff, password ${password})
`);
