/**
 * Makes `instanceof` true also for objects that were created by another copy of this
 * package, such as another version or the CommonJS build. Does not change `instanceof` of subclasses.
 */
export function Branded(name: string): ClassDecorator {
  const brand = Symbol.for(`nestjs-xenioo:${name}`);
  const isInstance = Function.prototype[Symbol.hasInstance];
  return branded => {
    Object.defineProperty(branded.prototype, brand, { value: true });
    Object.defineProperty(branded, Symbol.hasInstance, {
      value(this: unknown, value: unknown): boolean {
        return this === branded
          ? typeof value === 'object' && value !== null && brand in value
          : isInstance.call(this, value);
      },
    });
  };
}
