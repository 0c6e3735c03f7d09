import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { XeniooInboxProvider } from '../../lib/index.js';
import { lmdbInbox } from '../../lib/lmdb/index.js';

/** Makes the option `inbox` for one test; `undefined` leaves the default in place. */
export type CreateInbox = () => XeniooInboxProvider | undefined;

/** The inboxes that keep the promises of delivery, by name. */
export const INBOXES: Record<string, CreateInbox> = {
  memory: () => undefined,
  lmdb() {
    const base = mkdtempSync(join(tmpdir(), 'nestjs-xenioo-'));
    // The applications of the test are closed before, the last hook first.
    onTestFinished(() => rmSync(base, { recursive: true, force: true }));
    return lmdbInbox({ path: join(base, 'inbox') });
  },
};
