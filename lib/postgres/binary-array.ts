/** Element type of a PostgreSQL array. */
interface ElementType<T> {
  /** Its row in `pg_type`. */
  readonly oid: number;
  bytesOf(value: T): number;
  write(buffer: Buffer, value: T, at: number): void;
}

const UUID: ElementType<string> = {
  oid: 2950,
  bytesOf: () => 16,
  write: (buffer, value, at) => buffer.write(value, at, 16, 'base64url'),
};

const TEXT: ElementType<string> = {
  oid: 25,
  bytesOf: value => Buffer.byteLength(value),
  write: (buffer, value, at) => buffer.write(value, at),
};

const INT8: ElementType<number> = {
  oid: 20,
  bytesOf: () => 8,
  write(buffer, value, at) {
    buffer.writeInt32BE(Math.floor(value / 2 ** 32), at);
    buffer.writeUInt32BE(value >>> 0, at + 4);
  },
};

const INT4: ElementType<number> = {
  oid: 23,
  bytesOf: () => 4,
  write: (buffer, value, at) => buffer.writeInt32BE(value, at),
};

/** Returns a `uuid[]` of the first 128 bits of digests in base64url. */
export function uuidArray(digests: readonly (string | null)[]): Buffer {
  return binaryArray(UUID, digests);
}

/** Returns a `text[]`. */
export function textArray(values: readonly string[]): Buffer {
  return binaryArray(TEXT, values);
}

/** Returns an `int8[]` of safe integers. */
export function int8Array(values: readonly number[]): Buffer {
  return binaryArray(INT8, values);
}

/** Returns an `int4[]`. */
export function int4Array(values: readonly number[]): Buffer {
  return binaryArray(INT4, values);
}

const HEADER_BYTES = 20;

/**
 * Returns an array in the binary format of PostgreSQL: the number of dimensions, 1 if it may contain nulls, and the type;
 * then the length and the first index; then each element after its length, which is -1 for null. Reading
 * the text form takes PostgreSQL several times as long.
 */
function binaryArray<T>(
  type: ElementType<T>,
  values: readonly (T | null)[],
): Buffer {
  let bytes = HEADER_BYTES;
  for (const value of values) {
    bytes += 4 + (value === null ? 0 : type.bytesOf(value));
  }
  const buffer = Buffer.allocUnsafe(bytes);
  for (const [place, field] of [1, 1, type.oid, values.length, 1].entries()) {
    buffer.writeInt32BE(field, place * 4);
  }
  let at = HEADER_BYTES;
  for (const value of values) {
    const length = value === null ? -1 : type.bytesOf(value);
    buffer.writeInt32BE(length, at);
    at += 4;
    if (value === null) continue;
    type.write(buffer, value, at);
    at += length;
  }
  return buffer;
}
