/**
 * Makes `instanceof` true also for objects of another copy of this package: of another
 * version or module format. `instanceof` of subclasses works as usual.
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
