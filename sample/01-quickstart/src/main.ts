import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { idle, XeniooSender } from 'nestjs-xenioo/testing';
import { tour } from './tour.js';

// AppModule reads the secret when it is imported. A real application gets it from its environment.
const hasOwnSecret = process.env.XENIOO_SECRET !== undefined;
process.env.XENIOO_SECRET ??= 'quickstart-secret';
const { AppModule } = await import('./app.module.js');

const app = await NestFactory.create(AppModule);
app.enableShutdownHooks();
await app.listen(process.env.PORT ?? 0, '127.0.0.1');

const url = `${await app.getUrl()}/xenioo/webhook`;
const secret = process.env.XENIOO_SECRET;
const sender = new XeniooSender({ url, secret });

const isAsExpected = await tour(sender, () => idle(app));
sender.close();

if (process.argv.includes('--once')) {
  await app.close();
  process.exitCode = isAsExpected ? 0 : 1;
} else {
  console.log(`
Try it yourself (Ctrl-C exits):

  curl -i ${url} \\
    -H "Authorization: Bearer ${hasOwnSecret ? '$XENIOO_SECRET' : secret}" \\
    -d '{"Type":1,"Data":"Hello there!","UserName":"Ada"}'
`);
}
