import { describe, expect, it } from 'vitest';
import { loadBullmq, versionProblem } from '../../../lib/bullmq/load-bullmq.js';

describe('loadBullmq()', () => {
  it('loads the installed packages', async () => {
    const { bullmq, Redis } = await loadBullmq();

    expect(bullmq.Queue).toBeTypeOf('function');
    expect(Redis).toBeTypeOf('function');
  });
});

describe('loadBullmq() version check', () => {
  it.each(['5.80.0', '5.81.5', '6.0.0', '6.7.0', undefined])(
    'supports %s',
    version => {
      expect(versionProblem(version)).toBe(undefined);
    },
  );

  it.each(['4.18.3', '5.13.0', '5.79.4', '7.0.0'])(
    'rejects %s and names the version to install',
    version => {
      expect(versionProblem(version)).toBe(
        `bullmqInbox() needs bullmq 5 (5.80 or later) or 6, got ${version}. Run npm install bullmq@6`,
      );
    },
  );
});
