/** What stands for a secret wherever one would be shown. */
export const MASK = '********';

/**
 * A text from outside without the secret, also as it stands in JSON: an
 * endpoint may send back what it was sent.
 */
export function maskSecret(text: string, secret: string | undefined): string {
  if (!secret) return text;
  return text
    .replaceAll(secret, MASK)
    .replaceAll(JSON.stringify(secret).slice(1, -1), MASK);
}

/** The same for every text within a value of JSON, names of fields too. */
export function maskSecretWithin(value: unknown, secret: string): unknown {
  if (typeof value === 'string') return maskSecret(value, secret);
  if (Array.isArray(value)) {
    return value.map(item => maskSecretWithin(item, secret));
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      maskSecret(name, secret),
      maskSecretWithin(item, secret),
    ]),
  );
}
