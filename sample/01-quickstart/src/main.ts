import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { XeniooInspectorModule } from 'nestjs-xenioo/inspector';
import { idle, XeniooSender } from 'nestjs-xenioo/testing';
import { tour } from './tour.js';

// AppModule reads the secret when it is imported. A real application gets it from its environment.
const hasOwnSecret = process.env.XENIOO_SECRET !== undefined;
process.env.XENIOO_SECRET ??= 'quickstart-secret';
const { AppModule } = await import('./app.module.js');

// Open to everyone on this machine. A real application passes the guard of its administrators.
const inspector = XeniooInspectorModule.forRoot({ decorators: [] });

@Module({ imports: [AppModule, inspector] })
class QuickstartModule {}

const app = await NestFactory.create(QuickstartModule);
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
See the events: ${await app.getUrl()}/xenioo/inspector/

Try it yourself (Ctrl-C exits):

  curl -i ${url} \\
    -H "Authorization: Bearer ${hasOwnSecret ? '$XENIOO_SECRET' : secret}" \\
    -d '{"Type":1,"Data":"Hello there!","UserName":"Ada"}'
`);
}
