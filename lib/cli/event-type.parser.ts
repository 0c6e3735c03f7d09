import { InvalidArgumentError } from 'commander';
import { XeniooEventType } from '../events/xenioo-event-type.js';

const NAMES = Object.values(XeniooEventType).filter(
  (name): name is keyof typeof XeniooEventType => typeof name === 'string',
);

/** Names of the types as they are typed: `user-message`, in the order of their numbers. */
export const TYPE_NAMES: readonly string[] = NAMES.map(inKebabCase);

/** The number of a type, from its name in any spelling (`user-message`, `UserMessage`) or from any number, known or not. */
export function parseEventType(text: string): number {
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) {
    return Number(text);
  }
  const name = NAMES.find(name => spelling(name) === spelling(text));
  if (name === undefined) {
    throw new InvalidArgumentError(
      `Expected a number, or one of ${TYPE_NAMES.join(', ')}.`,
    );
  }
  return XeniooEventType[name];
}

function inKebabCase(name: string): string {
  return name.replaceAll(/(?<=.)[A-Z]/g, '-$&').toLowerCase();
}

function spelling(name: string): string {
  return name.replaceAll(/[-_]/g, '').toLowerCase();
}
