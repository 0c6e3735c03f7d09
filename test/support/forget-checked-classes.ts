/** Makes the next application check, like the first of the process, the classes that are decorated from now on. */
export function forgetCheckedClasses(): void {
  Reflect.deleteProperty(
    globalThis,
    Symbol.for('nestjs-xenioo:decorated-classes'),
  );
}
