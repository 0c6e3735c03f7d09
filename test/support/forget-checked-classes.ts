/** Makes the next application check decorated classes as the first of the process does, those that are decorated from now on. */
export function forgetCheckedClasses(): void {
  Reflect.deleteProperty(
    globalThis,
    Symbol.for('nestjs-xenioo:decorated-classes'),
  );
}
