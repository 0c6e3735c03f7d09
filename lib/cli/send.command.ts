import { Command } from 'commander';
import type { Terminal } from './terminal.js';

/** `send`: one event. */
export function createSendCommand(_terminal: Terminal): Command {
  return new Command('send').description('send one event');
}
