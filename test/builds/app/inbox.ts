import { memoryInbox } from 'nestjs-xenioo';
import { lmdbInbox } from 'nestjs-xenioo/lmdb';

const path = process.env.INBOX_PATH;

export const inbox = path ? lmdbInbox({ path }) : memoryInbox();
