import { randomBytes } from 'node:crypto';

const NAME = 'XENIOO_SECRET';

/** Returns a random secret, so that the application starts before it has the one of Xenioo. */
export function createSecret(): string {
  return randomBytes(24).toString('base64url');
}

/** Adds the secret to the text of an environment file if it has none. */
export function addSecret(
  text: string | undefined,
  comment: string,
  secret: string,
): string {
  if (new RegExp(`^\\s*(?:export\\s+)?${NAME}\\s*=`, 'm').test(text ?? '')) {
    return text!;
  }
  return appendTo(text, [`# ${comment}`, `${NAME}=${secret}`]);
}

/** Adds `.env` to the text of a `.gitignore` if it does not ignore it. */
export function ignoreEnv(text: string | undefined): string {
  return /^\/?(?:\*\*\/)?(?:\.env|\.env\*|\*\.env)\s*$/m.test(text ?? '')
    ? text!
    : appendTo(text, ['.env']);
}

function appendTo(text = '', lines: readonly string[]): string {
  const lineEnd = text.includes('\r\n') ? '\r\n' : '\n';
  const begin = text === '' || text.endsWith('\n') ? text : text + lineEnd;
  return begin + lines.map(line => line + lineEnd).join('');
}
