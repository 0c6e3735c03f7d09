import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { XeniooDeadLetters } from 'nestjs-xenioo';
import { AppModule } from './app.module.js';

const [command = 'list', id = ''] = process.argv.slice(2);

const app = await NestFactory.createApplicationContext(AppModule, {
  logger: ['warn', 'error'],
});
const deadLetters = app.get(XeniooDeadLetters);
try {
  if (command === 'replay') await replay();
  else if (command === 'remove') await remove();
  else if (command === 'erase') await erase();
  else await list();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
await app.close();

async function list() {
  let page = await deadLetters.list();
  if (page.length === 0) console.log('There are no dead letters.');
  while (page.length > 0) {
    for (const letter of page) {
      const { id, kind, handler, attempts, error, deadLetteredAt } = letter;
      console.log(`${id}  ${kind}  ${deadLetteredAt.toISOString()}`);
      if (handler !== undefined) {
        console.log(
          `  ${handler} failed after ${attempts} attempts: ${error?.message}`,
        );
      }
    }
    page = await deadLetters.list({ after: page.at(-1)!.id });
  }
}

async function replay() {
  if (id === '') console.log(`Replayed ${await deadLetters.replayAll()}.`);
  else await deadLetters.replay(id);
}

async function remove() {
  if (!(await deadLetters.remove(id))) {
    throw new Error(`There is no dead letter ${id}.`);
  }
}

/** Removes the dead letters of one conversation. */
async function erase() {
  const count = await deadLetters.removeAll({ conversationId: id });
  console.log(`Removed ${count}.`);
}
