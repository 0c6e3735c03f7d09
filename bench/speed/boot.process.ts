import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { createApp, type AdapterName } from './apps/adapters.js';
import type { BootFigures, BootKind } from './boot.section.js';

@Module({})
class EmptyModule {}

const [kind, adapter] = process.argv.slice(2) as [BootKind, AdapterName];
const beforeImport = performance.now();
if (kind !== 'empty') await loadPeers();
const module = kind === 'module' ? await ourModule() : EmptyModule;
const beforeBoot = performance.now();
const app = await createApp(module, adapter);
await app.listen(0, '127.0.0.1');
const listening = performance.now();

for (let times = 0; times < 3; times++) globalThis.gc!();
const figures: BootFigures = {
  importMs: beforeBoot - beforeImport,
  bootMs: listening - beforeBoot,
  totalMs: listening,
  heapBytes: process.memoryUsage().heapUsed,
  rssBytes: process.memoryUsage.rss(),
};
await app.close();
process.send!(figures);
process.disconnect();

async function ourModule() {
  const { bootModule } = await import('./apps/boot.app.js');
  return bootModule();
}

/** Loads the peers of the package, which an application that validates has loaded anyway. */
async function loadPeers(): Promise<void> {
  await import('class-transformer');
  await import('class-validator');
  await import('@nestjs/event-emitter');
}
