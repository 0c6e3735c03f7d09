import {
  exposuresOf,
  validationsOf,
  type Validation,
} from './decorator-metadata.js';
import { parseWireDate } from './parse-wire-date.js';
import { toWireDate, type WireEntry, type WireField } from './wire-fields.js';

/** Makes the event of an entry whose fields are right; nothing where that is not certain. */
export type BuildEvent<E extends object> = (fields: WireEntry) => E | undefined;

/** A property, its field, and what its value may be. */
interface Property {
  readonly property: string;
  readonly name: WireField;
  readonly isDate: boolean;
}

type Condition = (event: object, value: unknown) => unknown;

/** A property that must be there as long as all of these hold. */
interface Required {
  readonly property: string;
  readonly conditions: readonly Condition[];
}

/**
 * Compiles what the decorators of an event class say into a function that does
 * what `plainToInstance()` and `validateSync()` do, for entries without a
 * mistake. Of one that has a mistake it makes nothing: what is wrong is theirs
 * to explain. Nothing, too, for a class with other decorators than texts and
 * dates of the wire: it steps aside rather than guesses.
 */
export function compileEvent<E extends object>(
  eventClass: new () => E,
): BuildEvent<E> | undefined {
  const properties = propertiesOf(eventClass);
  const required = properties && requiredOf(eventClass, properties);
  if (!required) return undefined;
  return fields => {
    const event = new eventClass() as E & Record<string, unknown>;
    const values = event as Record<string, unknown>;
    for (const { property, name, isDate } of properties) {
      const given = fields[name];
      if (given === undefined) continue;
      if (typeof given !== 'string') return undefined;
      const value = isDate ? parseWireDate(given) : given;
      if (value === undefined) return undefined;
      values[property] = value;
    }
    return required.every(one => isThereOrNeedNot(event, one))
      ? event
      : undefined;
  };
}

function isThereOrNeedNot(
  event: object,
  { property, conditions }: Required,
): boolean {
  const value = (event as Record<string, unknown>)[property];
  return (
    value !== undefined || conditions.some(holds => !holds(event, undefined))
  );
}

function propertiesOf(eventClass: new () => object): Property[] | undefined {
  const exposures = exposuresOf(eventClass);
  const properties = exposures?.flatMap(({ property, name, transforms }) => {
    const isDate = transforms.length === 1 && transforms[0] === toWireDate;
    const isKnown = isDate || transforms.length === 0;
    const isOwn = !(property in eventClass.prototype);
    return isKnown && isOwn
      ? [{ property, name: name as WireField, isDate }]
      : [];
  });
  return properties &&
    properties.length > 0 &&
    properties.length === exposures?.length
    ? properties
    : undefined;
}

/** What must be there, if each rule of the class is one for a text or a date of the wire. */
function requiredOf(
  eventClass: new () => object,
  properties: readonly Property[],
): Required[] | undefined {
  const validations = validationsOf(eventClass);
  const names = new Set(validations.map(({ propertyName }) => propertyName));
  const isWhole = properties.every(({ property }) => names.has(property));
  if (!isWhole || names.size !== properties.length) return undefined;

  const required: Required[] = [];
  for (const { property, isDate } of properties) {
    const rules = validations.filter(
      ({ propertyName }) => propertyName === property,
    );
    const conditions = rules.filter(isCondition);
    const checks = rules.filter(rule => !isCondition(rule));
    const isKnown = checks.every(
      rule => isPlain(rule) && rule.name === (isDate ? 'isDate' : 'isString'),
    );
    if (!isKnown || checks.length === 0 || !conditions.every(isPlain))
      return undefined;
    if (conditions.some(({ name }) => name === 'isOptional')) continue;
    required.push({
      property,
      conditions: conditions.map(rule => rule.constraints[0] as Condition),
    });
  }
  return required;
}

function isCondition({ type }: Validation): boolean {
  return type === 'conditionalValidation';
}

/** Whether the rule holds always, for the value as a whole. */
function isPlain({ groups, each, validateIf }: Validation): boolean {
  return (groups ?? []).length === 0 && !each && validateIf === undefined;
}
