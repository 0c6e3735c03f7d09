import type { DoctorCheck } from './doctor.check.js';
import { READ_AS_TEXT } from './remedies.js';
import { sends, taken } from './taken.check.js';

const WHY =
  'Xenioo does not document its Content-Type. An event must not be lost over one.';

function contentType(
  id: string,
  type: string | null,
  ...alike: string[]
): DoctorCheck {
  return taken(
    id,
    type === null ? 'no Content-Type' : `Content-Type: ${type}`,
    sends(entries => entries.message(), {
      headers: { 'content-type': type },
    }),
    { why: WHY, mend: READ_AS_TEXT, alike },
  );
}

/** How a body may be sent. */
export const TRANSFER_CHECKS: readonly DoctorCheck[] = [
  contentType('content-type-charset', 'application/json; charset=utf-8'),
  contentType('content-type-none', null),
  contentType('content-type-text', 'text/plain', 'content-type-none'),
  contentType(
    'content-type-form',
    'application/x-www-form-urlencoded',
    'content-type-none',
    'content-type-text',
  ),
  taken(
    'chunked',
    'a body in chunks, without its length',
    sends(entries => entries.message(), { chunked: true }),
    {
      why: 'Whether Xenioo tells the length of a body before it is not documented, and many clients do not.',
      mend: 'Take both (Transfer-Encoding: chunked). It is most often a proxy or a firewall that wants a Content-Length: let it pass chunks on, or gather them.',
    },
  ),
];
