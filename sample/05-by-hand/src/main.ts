import 'reflect-metadata';
import { ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

const hasOwnSecret = process.env.XENIOO_SECRET !== undefined;
process.env.XENIOO_SECRET ??= 'by-hand-secret';

const app = await NestFactory.create(AppModule);
app.useGlobalPipes(
  new ValidationPipe({
    whitelist: true,
    forbidNonWhitelisted: true,
    transform: true,
  }),
);
app.enableShutdownHooks();
await app.listen(process.env.PORT ?? 3000, '127.0.0.1');

const url = `${await app.getUrl()}/xenioo/webhook`;
console.log(`
A webhook written by hand, without nestjs-xenioo. To check it as Xenioo would call it:

  npx nestjs-xenioo doctor ${url}${hasOwnSecret ? '' : ` --secret ${process.env.XENIOO_SECRET}`}
`);
