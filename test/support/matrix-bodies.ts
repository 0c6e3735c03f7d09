import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import {
  xeniooEntry,
  type XeniooCallOptions,
} from '../../lib/testing/index.js';

/** Words that appear in calls, and must not appear in any output. */
export const MARKED = /quokka|wombat|numbat|bilby|dunnart|potoroo/i;

export const SECRETS = ['secret-quokka-1', 'secret-quokka-2'] as const;
export const WRONG_SECRET = 'secret-wombat';
const PERSON = { UserName: 'Ada Bilby', AccountName: 'Dunnart Ltd' };

type Body = string | Uint8Array;

/** One call with the right secret, and its expected effects. */
export interface MatrixBody {
  readonly body: Body;
  readonly options: XeniooCallOptions;
  /** Texts of its events. */
  readonly texts: readonly string[];
  /** Entries that are kept as invalid, unchanged. */
  readonly kept: readonly unknown[];
}

let texts = 0;

/** Returns a unique text. */
const newText = () => `a numbat, number ${++texts}`;

/** Creates an entry without a date, which is never a duplicate. */
const entry = (text: string, more: Record<string, string> = {}) =>
  xeniooEntry.userMessage({
    Date: undefined,
    Data: text,
    ConversationId: text,
    ...PERSON,
    ...more,
  });

/** Creates a body of one event that is sent with unusual options. */
function sentAs(
  options: XeniooCallOptions,
  turn: (json: string) => Body = json => json,
): () => MatrixBody {
  return () => {
    const text = newText();
    const body = turn(JSON.stringify(entry(text)));
    return { options, body, texts: [text], kept: [] };
  };
}

/** Creates an invalid body, which is kept as text. */
function keptAs(
  raw: string,
  options: XeniooCallOptions = {},
): () => MatrixBody {
  return () => ({ options, body: raw, texts: [], kept: [raw] });
}

function many(count: number, more?: Record<string, string>): MatrixBody {
  const all = Array.from({ length: count }, newText);
  const body = JSON.stringify(all.map(text => entry(text, more)));
  return { options: {}, body, texts: all, kept: [] };
}

const typed = (type: string | null) => ({ headers: { 'content-type': type } });
const encoded = (encoding: string) => ({
  headers: { 'content-encoding': encoding },
});

const BROKEN = '[{"Type":1,"Data":"a potoroo, broken off';

export const MATRIX_BODIES: Record<string, () => MatrixBody> = {
  'an object': sentAs({}),
  'an array': () => many(3),
  'an array with wrong entries': () => {
    const text = newText();
    const wrong = [{ ...entry(text), Data: 5 }, 'potoroo', { Type: 'potoroo' }];
    const body = JSON.stringify([wrong[0], entry(text), wrong[1], wrong[2]]);
    return { options: {}, body, texts: [text], kept: wrong };
  },
  'an empty array': () => many(0),
  'over 10 KB': () => many(100),
  'broken JSON': keptAs(BROKEN),
  'broken JSON of another type': keptAs(BROKEN, typed('text/plain')),
  'an empty body': keptAs(''),
  'an empty body without a type': keptAs('', typed(null)),
  'no content type': sentAs(typed(null)),
  'the content type nonsense': sentAs(typed('nonsense')),
  'text/plain': sentAs(typed('text/plain')),
  'a form': sentAs(typed('application/x-www-form-urlencoded')),
  multipart: sentAs(typed('multipart/form-data; boundary=x')),
  'multipart without a boundary': sentAs(typed('multipart/form-data')),
  'a charset that it has not': sentAs(
    typed('application/json; charset=utf-16'),
  ),
  'a charset that does not exist': sentAs(
    typed('application/json; charset=nonsense'),
  ),
  chunks: sentAs({ chunked: true }),
  'chunks without a type': sentAs({ ...typed(null), chunked: true }),
  gzip: sentAs(encoded('gzip'), gzipSync),
  'gzip in chunks': sentAs({ ...encoded('gzip'), chunked: true }, gzipSync),
  deflate: sentAs(encoded('deflate'), deflateSync),
  brotli: sentAs(encoded('br'), brotliCompressSync),
  'gzip that it is not': sentAs(encoded('gzip')),
  'an encoding that does not exist': sentAs(encoded('nonsense')),
  'a byte-order mark': sentAs({}, json => `\uFEFF${json}`),
};

/** 20,000 events of over 250 bytes. */
export const FIVE_MEGABYTES = () => many(20_000, { basket: 'b'.repeat(120) });

/** Returns authorization headers that a webhook with this secret rejects; `null` sends none. */
export function wrongAuthorizations(secret: string): (string | null)[] {
  const other = SECRETS.find(one => one !== secret)!;
  return [
    null,
    '',
    'Bearer',
    `Bearer ${WRONG_SECRET}`,
    `Bearer ${secret}x`,
    `Bearer x${secret}`,
    `Bearer ${secret.toUpperCase()}`,
    `Bearer ${other}`,
    `Bearer "${secret}"`,
    `Basic ${secret}`,
    `Basic ${btoa(`xenioo:${secret}`)}`,
    `Bearer ${secret}, Bearer ${secret}`,
    WRONG_SECRET,
  ];
}
