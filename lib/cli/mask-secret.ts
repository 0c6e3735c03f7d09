/** Text that replaces a secret in all output. */
export const MASK = '********';

/** Masks the secret in a text, also where it is escaped as in a JSON string. */
export function maskSecret(text: string, secret: string | undefined): string {
  if (!secret) return text;
  return text
    .replaceAll(secret, MASK)
    .replaceAll(JSON.stringify(secret).slice(1, -1), MASK);
}

/** Copies a JSON value with the secret masked in each of its strings. */
export function maskSecretWithin<T>(value: T, secret: string): T {
  const json = JSON.stringify(value, (_name, item: unknown) =>
    typeof item === 'string' ? maskSecret(item, secret) : item,
  );
  return JSON.parse(json) as T;
}
