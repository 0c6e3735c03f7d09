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
