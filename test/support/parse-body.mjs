// Parses the body that it is given, for tests of a process with other flags. Runs bundled with what it imports.
import 'reflect-metadata';
import { parseBody } from '../../lib/events/parse-body.js';

const bot = { name: 'default', secrets: ['right-secret'] };
const receivedAt = new Date('2024-05-01T12:00:00Z');
let body = '';
for await (const text of process.stdin.setEncoding('utf8')) body += text;
process.stdout.write(
  JSON.stringify(
    parseBody(body, { bot, receivedAt, hasLazyIds: true }).map(entry => [
      entry.constructor.name,
      entry,
    ]),
  ),
);
