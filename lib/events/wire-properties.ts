import {
  exposuresOf,
  validationsOf,
  type Validation,
} from './decorator-metadata.js';
import { toWireDate, WIRE_FIELDS, type WireField } from './wire-fields.js';

/** Whether a rule that has a condition holds for an event, as class-validator asks for it. */
export type Condition = (event: object, value: unknown) => unknown;

/** A property of an event class, its field, and what its value may be. */
export interface WireProperty {
  readonly property: string;
  readonly name: WireField;
  readonly isDate: boolean;
  /** It must be there as long as all of these hold; `undefined` where it never must. */
  readonly requiredIf?: readonly Condition[] | undefined;
}

/**
 * What the decorators of an event class say, in the order in which
 * `plainToInstance()` sets the properties; nothing for a class with other
 * decorators than texts and dates of the wire.
 */
export function wirePropertiesOf(
  eventClass: new () => object,
): WireProperty[] | undefined {
  const properties = exposedBy(eventClass);
  if (!properties) return undefined;
  const validations = validationsOf(eventClass);
  const names = new Set(validations.map(({ propertyName }) => propertyName));
  const isWhole = properties.every(({ property }) => names.has(property));
  if (!isWhole || names.size !== properties.length) return undefined;

  const whole: WireProperty[] = [];
  for (const property of properties) {
    const rules = validations.filter(
      ({ propertyName }) => propertyName === property.property,
    );
    if (!areOfWire(rules, property)) return undefined;
    const conditions = rules.filter(isCondition);
    const isOptional = conditions.some(({ name }) => name === 'isOptional');
    const requiredIf = conditions.map(rule => rule.constraints[0] as Condition);
    whole.push(isOptional ? property : { ...property, requiredIf });
  }
  return whole;
}

function exposedBy(eventClass: new () => object): WireProperty[] | undefined {
  const exposures = exposuresOf(eventClass);
  if (!exposures || exposures.length === 0) return undefined;
  const properties: WireProperty[] = [];
  for (const { property, name, transforms } of exposures) {
    const isDate = transforms.length === 1 && transforms[0] === toWireDate;
    if (!isDate && transforms.length > 0) return undefined;
    if (property in eventClass.prototype || !isField(name)) return undefined;
    properties.push({ property, name, isDate });
  }
  return properties;
}

/** `Type` is a number, and read by the library itself. */
function isField(name: string): name is WireField {
  return name !== 'Type' && (WIRE_FIELDS as readonly string[]).includes(name);
}

/** Whether each rule is one for a text or a date of the wire. */
function areOfWire(
  rules: readonly Validation[],
  { isDate }: WireProperty,
): boolean {
  const checks = rules.filter(rule => !isCondition(rule));
  return (
    rules.every(isPlain) &&
    checks.length > 0 &&
    checks.every(({ name }) => name === (isDate ? 'isDate' : 'isString'))
  );
}

function isCondition({ type }: Validation): boolean {
  return type === 'conditionalValidation';
}

/** Whether the rule holds always, for the value as a whole. */
function isPlain({ groups, each, validateIf }: Validation): boolean {
  return (groups ?? []).length === 0 && !each && validateIf === undefined;
}
