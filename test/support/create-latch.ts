/** Creates a promise that the test resolves with `open()`. */
export function createLatch(): {
  readonly opened: Promise<void>;
  readonly open: () => void;
} {
  let open!: () => void;
  const opened = new Promise<void>(resolve => (open = resolve));
  return { opened, open };
}
