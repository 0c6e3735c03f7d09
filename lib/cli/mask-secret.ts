/** Text that replaces a secret in all output. */
export const MASK = '********';

/** Masks the secret in a text, also in its JSON spelling. */
export function maskSecret(text: string, secret: string | undefined): string {
  if (!secret) return text;
  return text
    .replaceAll(secret, MASK)
    .replaceAll(JSON.stringify(secret).slice(1, -1), MASK);
}

/** Copies a JSON value with the secret masked in each of its texts. */
export function maskSecretWithin<T>(value: T, secret: string): T {
  const json = JSON.stringify(value, (_name, item: unknown) =>
    typeof item === 'string' ? maskSecret(item, secret) : item,
  );
  return JSON.parse(json) as T;
}
