/** A duration as people read it: `840 ms`, `1.2 s`. */
export function formatMs(ms: number): string {
  return ms < 1_000
    ? `${Math.round(ms)} ms`
    : `${Number((ms / 1_000).toFixed(1))} s`;
}
