/**
 * Makes `instanceof` true also for objects that another copy of this package created,
 * such as one of another version or module format. Does not change `instanceof` of subclasses.
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
