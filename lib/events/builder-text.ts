import { WIRE_FIELDS, type WireField } from './wire-fields.js';
import type { WireProperty } from './wire-properties.js';

/** What the function is given, by name. */
const TOOL_NAMES = [
  'prototype',
  'plain',
  'typeName',
  'conditions',
  'parseWireDate',
  'freezeRaw',
  'eventId',
  'LAZY_ID',
  'defineProperty',
  'freeze',
] as const;

export type ToolName = (typeof TOOL_NAMES)[number];

/**
 * The text of a function that makes the events of one class. It names each field
 * and each property, since V8 makes a load or a store of a constant name a
 * fraction of what one takes in a loop over names. No word of a call gets into
 * it: it is made of names in decorators, and those get in as JSON.
 */
export function builderText(properties: readonly WireProperty[]): string {
  const fields = WIRE_FIELDS.filter(name => name !== 'Type');
  const dates = properties.filter(({ isDate }) => isDate);
  const values = [...new Set(properties.map(valueOf))].join(', ');
  return `"use strict";
const { ${TOOL_NAMES.join(', ')} } = tools;
// V8 keeps in the object itself what its constructor names, and some more.
function Event(${values}) {
${properties.map(storing).join('\n')}
}
Event.prototype = prototype;
return (raw, receipt, id) => {
  if (${fields.map(inherited).join(' || ')}) return undefined;
  let known = 1; // the Type
${fields.map(reading).join('\n')}
${[...new Set(dates.map(dating))].join('\n')}
  const event = new Event(${values});
${requiring(properties).join('\n')}
  const variables = freezeRaw(raw, known);
  if (variables === undefined) return undefined;
  if (receipt.hasLazyIds === true && id === undefined && ${variable('Date')} !== undefined) {
    defineProperty(event, "id", LAZY_ID);
  } else {
    event.id = id ?? eventId(raw);
  }
  event.type = raw.Type;
  event.typeName = typeName;
  event.bot = receipt.bot.name;
  event.receivedAt = receipt.receivedAt;
  event.variables = variables;
  event.raw = raw;
  return freeze(event);
};`;
}

/** A field that each object would seem to have, for somebody has added to `Object.prototype`. */
function inherited(name: WireField): string {
  return `${JSON.stringify(name)} in plain`;
}

/** `null` counts as absent, and known are the fields that the entry has. */
function reading(name: WireField): string {
  const field = variable(name);
  return `
  let ${field} = raw[${JSON.stringify(name)}];
  if (typeof ${field} === "string") known++;
  else if (${field} === null) { ${field} = undefined; known++; }
  else if (${field} !== undefined) return undefined;`;
}

function dating({ name }: WireProperty): string {
  const field = variable(name);
  return `
  let ${field}Date;
  if (${field} !== undefined) {
    ${field}Date = parseWireDate(${field});
    if (${field}Date === undefined) return undefined;
  }`;
}

function storing(property: WireProperty): string {
  const value = valueOf(property);
  return `  if (${value} !== undefined) this[${JSON.stringify(property.property)}] = ${value};`;
}

function requiring(properties: readonly WireProperty[]): string[] {
  return properties.flatMap((property, index) =>
    property.requiredIf
      ? `  if (${valueOf(property)} === undefined && conditions[${index}].every(holds => holds(event, undefined))) return undefined;`
      : [],
  );
}

function valueOf({ name, isDate }: WireProperty): string {
  return isDate ? `${variable(name)}Date` : variable(name);
}

function variable(name: WireField): string {
  return `field${WIRE_FIELDS.indexOf(name)}`;
}
