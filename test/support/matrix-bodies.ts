import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import type { Bytes, Sent } from './send.js';

/** Words that stand in what came, and may stand nowhere else. */
export const MARKED = /quokka|wombat|numbat|bilby|dunnart|potoroo/i;

export const SECRETS = ['secret-quokka-1', 'secret-quokka-2'] as const;
export const WRONG_SECRET = 'secret-wombat';
const PERSON = { UserName: 'Ada Bilby', AccountName: 'Dunnart Ltd' };

/** One call with the right secret, and what it must leave behind. */
export interface MatrixBody extends Pick<Sent, 'headers' | 'body'> {
  /** The texts of its events. */
  readonly texts: readonly string[];
  /** What is kept as invalid, as it came. */
  readonly kept: readonly unknown[];
}

let texts = 0;

/** A text that no other event has. */
const newText = () => `a numbat, number ${++texts}`;

const entry = (text: string) => ({
  Type: 1,
  Data: text,
  ConversationId: text,
  ...PERSON,
});

const JSON_TYPE = { 'content-type': 'application/json' };

/** A body of one event, sent in some odd way. */
function sentAs(
  headers: NonNullable<Sent['headers']>,
  turn: (json: string) => NonNullable<Sent['body']> = json => json,
): () => MatrixBody {
  return () => {
    const text = newText();
    const body = turn(JSON.stringify(entry(text)));
    return { headers, body, texts: [text], kept: [] };
  };
}

/** A body that can't be understood, kept as the text that came. */
function keptAs(
  raw: string,
  headers: NonNullable<Sent['headers']> = JSON_TYPE,
): () => MatrixBody {
  return () => ({ headers, body: raw, texts: [], kept: [raw] });
}

function many(count: number): MatrixBody {
  const all = Array.from({ length: count }, newText);
  const body = JSON.stringify(all.map(entry));
  return { headers: JSON_TYPE, body, texts: all, kept: [] };
}

const inChunks = (json: string): Bytes[] => [
  json.slice(0, 1),
  json.slice(1, 20),
  json.slice(20),
];
const encoded = (encoding: string) => ({
  ...JSON_TYPE,
  'content-encoding': encoding,
});
const typed = (type: string) => sentAs({ 'content-type': type });

const BROKEN = '[{"Type":1,"Data":"a potoroo, broken off';

export const MATRIX_BODIES: Record<string, () => MatrixBody> = {
  'an object': sentAs(JSON_TYPE),
  'an array': () => many(3),
  'an array with wrong entries': () => {
    const text = newText();
    const wrong = [{ ...entry(text), Data: 5 }, 'potoroo', { Type: 'potoroo' }];
    const body = JSON.stringify([wrong[0], entry(text), wrong[1], wrong[2]]);
    return { headers: JSON_TYPE, body, texts: [text], kept: wrong };
  },
  'an empty array': () => ({
    headers: JSON_TYPE,
    body: '[]',
    texts: [],
    kept: [],
  }),
  'over 10 KB': () => many(100),
  'broken JSON': keptAs(BROKEN),
  'broken JSON of another type': keptAs(BROKEN, {
    'content-type': 'text/plain',
  }),
  'an empty body': keptAs(''),
  'an empty body without a type': keptAs('', {}),
  'no content type': sentAs({}),
  'the content type nonsense': typed('nonsense'),
  'text/plain': typed('text/plain'),
  'a form': typed('application/x-www-form-urlencoded'),
  multipart: typed('multipart/form-data; boundary=x'),
  'multipart without a boundary': typed('multipart/form-data'),
  'a charset that it has not': typed('application/json; charset=utf-16'),
  'a charset that does not exist': typed('application/json; charset=nonsense'),
  chunks: sentAs(JSON_TYPE, inChunks),
  'chunks without a type': sentAs({}, inChunks),
  gzip: sentAs(encoded('gzip'), gzipSync),
  'gzip in chunks': sentAs(encoded('gzip'), json => [
    gzipSync(json).subarray(0, 15),
    gzipSync(json).subarray(15),
  ]),
  deflate: sentAs(encoded('deflate'), deflateSync),
  brotli: sentAs(encoded('br'), brotliCompressSync),
  'gzip that it is not': sentAs(encoded('gzip')),
  'an encoding that does not exist': sentAs(encoded('nonsense')),
  'a byte-order mark': sentAs(JSON_TYPE, json => `\uFEFF${json}`),
};

/** 20,000 events of over 250 bytes. */
export const FIVE_MEGABYTES = (): MatrixBody => {
  const all = Array.from({ length: 20_000 }, newText);
  const body = JSON.stringify(
    all.map(text => ({ ...entry(text), Key: 'k'.repeat(120) })),
  );
  return { headers: JSON_TYPE, body, texts: all, kept: [] };
};

/** Authorization headers that are not that of the webhook with this secret; none without a value. */
export function wrongAuthorizations(secret: string): (string | undefined)[] {
  const other = SECRETS.find(one => one !== secret)!;
  return [
    undefined,
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
