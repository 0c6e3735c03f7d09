import { getMetadataStorage } from 'class-validator';
// What class-transformer's decorators leave has no public door: this file alone
// looks at it, and where it is not what is expected here, or another copy of
// class-transformer is at work, `exposuresOf()` says that it does not know.
// @ts-expect-error: the types of class-transformer leave this file out.
import { defaultMetadataStorage } from 'class-transformer/cjs/storage.js';

/** A property of a class, the name of its field on the wire, and what transforms the value. */
export interface Exposure {
  readonly property: string;
  readonly name: string;
  readonly transforms: readonly unknown[];
}

/** One rule for the value of a property. */
export interface Validation {
  readonly type: string;
  readonly name?: string;
  readonly propertyName: string;
  readonly constraints: readonly unknown[];
  readonly groups: readonly string[];
  readonly each: boolean;
  readonly validateIf?: unknown;
}

interface Storage {
  getStrategy(target: object): string;
  getExposedMetadatas(
    target: object,
  ): { propertyName?: string; options?: { readonly name?: string } }[];
  getExcludedMetadatas(target: object): unknown[];
  findTypeMetadata(target: object, property: string): unknown;
  findTransformMetadatas(
    target: object,
    property: string,
    transformation: number,
  ): { transformFn: unknown; options?: object }[];
}

/** `TransformationType.PLAIN_TO_CLASS` of class-transformer. */
const PLAIN_TO_CLASS = 0;

/**
 * The properties that `plainToInstance()` sets, in its order; nothing where a
 * decorator says more of one than a name and a transformation.
 */
export function exposuresOf(target: object): Exposure[] | undefined {
  const storage = defaultMetadataStorage as Storage;
  if (storage.getStrategy(target) !== 'none') return undefined;
  if (storage.getExcludedMetadatas(target).length > 0) return undefined;
  const exposures: Exposure[] = [];
  for (const exposed of storage.getExposedMetadatas(target)) {
    const { propertyName: property, options = {} } = exposed;
    if (property === undefined || !hasNameAlone(options)) return undefined;
    if (storage.findTypeMetadata(target, property)) return undefined;
    const transforms = storage.findTransformMetadatas(
      target,
      property,
      PLAIN_TO_CLASS,
    );
    if (transforms.some(({ options = {} }) => Object.keys(options).length > 0))
      return undefined;
    exposures.push({
      property,
      name: options.name ?? property,
      transforms: transforms.map(({ transformFn }) => transformFn),
    });
  }
  return exposures;
}

/** The rules of class-validator for a class and what it extends. */
export function validationsOf(target: new () => object): Validation[] {
  return getMetadataStorage().getTargetValidationMetadatas(
    target,
    '',
    false,
    false,
  );
}

function hasNameAlone(options: object): boolean {
  return Object.keys(options).every(option => option === 'name');
}
