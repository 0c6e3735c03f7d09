import { Command } from 'commander';
import type { Terminal } from './terminal.js';

/** `simulate`: many conversations. */
export function createSimulateCommand(_terminal: Terminal): Command {
  return new Command('simulate').description('play many conversations');
}
