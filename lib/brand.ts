/**
 * Makes `instanceof` true for objects of another copy of this package as well: of
 * another version, or of the other module format. Classes that extend a branded one
 * are compared as usual.
 */
export function Branded(name: string): ClassDecorator {
  const brand = Symbol.for(`nestjs-xenioo:${name}`);
  const compare = Function.prototype[Symbol.hasInstance];
  return branded => {
    Object.defineProperty(branded.prototype, brand, { value: true });
    Object.defineProperty(branded, Symbol.hasInstance, {
      value(this: unknown, value: unknown): boolean {
        return this === branded
          ? typeof value === 'object' && value !== null && brand in value
          : compare.call(this, value);
      },
    });
  };
}
