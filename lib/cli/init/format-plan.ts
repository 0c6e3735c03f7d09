import { formatChange } from './format-change.js';
import type { InitPlan } from './plan-init.js';

/** Formats the changes of a plan, without its secret. */
export function formatChanges({ changes, secret }: InitPlan): string {
  return changes.length === 0
    ? 'The application has everything already; nothing to change.'
    : changes.map(formatChange).join('\n').replaceAll(secret, '********');
}

/** Formats the steps that remain. */
export function formatSteps({ steps }: InitPlan): string {
  return steps.map((step, index) => `  ${index + 1}. ${step}`).join('\n');
}
