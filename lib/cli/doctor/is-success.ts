/** Whether an endpoint took what it was sent, if not with the right status. */
export function isSuccess(outcome: number | string): boolean {
  return typeof outcome === 'number' && outcome >= 200 && outcome < 300;
}
