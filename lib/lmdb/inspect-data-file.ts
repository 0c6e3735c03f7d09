import { closeSync, fstatSync, openSync } from 'node:fs';
import {
  DamagedFileError,
  PAGE,
  read,
  readNewestMeta,
  type Meta,
} from './meta-pages.js';

const HEADER_BYTES = 24;
const NO_PAGE = 2n ** 64n - 1n;
const FIRST_DATA_PAGE = 2n;
const DEEPEST_TREE = 30;

/** What the flags of a node say. */
const NODE = { isBig: 1, isTree: 2 } as const;

/** How long the data of a node is that is no value itself. */
const LENGTHS: Readonly<Record<number, number>> = {
  [NODE.isBig]: 8,
  [NODE.isTree]: 48,
};

/** Files of more pages are not walked through: that would take seconds. */
const MOST_PAGES_WALKED = 50_000n;

/** How often to look again when another process has written meanwhile. */
const MOST_TRIES = 20;

/**
 * Looks whether lmdb can open a data file.
 * @returns whether there is anything in it
 * @throws {DamagedFileError} when it is not a data file, or damaged
 */
export function inspectDataFile(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    if (!fstatSync(file).isFile()) throw new DamagedFileError('not a file');
    if (fstatSync(file).size === 0) return false;
    for (let tries = 1; ; tries++) {
      const newest = readNewestMeta(file);
      try {
        new Inspection(file, newest).run();
        return true;
      } catch (error) {
        const isSame = readNewestMeta(file).transaction === newest.transaction;
        if (isSame || tries >= MOST_TRIES) throw error;
      }
    }
  } finally {
    closeSync(file);
  }
}

/** Walks through the pages that the newest transaction reaches. */
class Inspection {
  private readonly seen = new Set<bigint>();
  private readonly pages: bigint;
  private isInFreeTree = false;

  constructor(
    private readonly file: number,
    private readonly meta: Meta,
  ) {
    const { size } = fstatSync(file);
    this.pages = BigInt(Math.floor(size / meta.pageSize));
  }

  run(): void {
    const { freeRoot, mainRoot, lastPage } = this.meta;
    // A file may be shorter than its last page and whole: then only a walk tells.
    const isShort = this.pages <= lastPage;
    if (!isShort && this.pages > MOST_PAGES_WALKED) return;
    this.isInFreeTree = true;
    this.walk(freeRoot, 0);
    this.isInFreeTree = false;
    this.walk(mainRoot, 0);
  }

  private walk(root: bigint, depth: number): void {
    if (root === NO_PAGE) return;
    if (depth > DEEPEST_TREE) throw damagedAt(root);
    const page = this.page(root);
    const kind = page.readUInt16LE(18);
    if (kind !== PAGE.branch && kind !== PAGE.leaf) throw damagedAt(root);
    const nodes = this.nodesOf(page, root);
    let last: Buffer | undefined;
    for (const [index, offset] of nodes.entries()) {
      const isBranch = kind === PAGE.branch;
      const key = page.subarray(offset + 8, keyEnd(page, offset));
      // The first key of a branch has no meaning, and those of free pages another order.
      const isCompared = !(isBranch && index === 0) && !this.isInFreeTree;
      if (isCompared && last && Buffer.compare(last, key) >= 0) {
        throw damagedAt(root);
      }
      if (isCompared) last = key;
      this.visit(page, offset, { isBranch, root, depth });
    }
  }

  /** Where the nodes of a page begin. */
  private nodesOf(page: Buffer, number: bigint): number[] {
    const lower = page.readUInt16LE(20);
    const upper = page.readUInt16LE(22);
    const count = lower >> 1;
    const least = page.readUInt16LE(18) === PAGE.branch ? 2 : 1;
    const isSound =
      count >= least && lower <= upper && HEADER_BYTES + upper <= page.length;
    if (!isSound) throw damagedAt(number);
    return Array.from({ length: count }, (_, index) => {
      const offset = HEADER_BYTES + page.readUInt16LE(HEADER_BYTES + index * 2);
      const isInside = offset + 8 <= page.length;
      if (!isInside || keyEnd(page, offset) > page.length) {
        throw damagedAt(number);
      }
      return offset;
    });
  }

  private visit(
    page: Buffer,
    offset: number,
    {
      isBranch,
      root,
      depth,
    }: { isBranch: boolean; root: bigint; depth: number },
  ): void {
    const low = page.readUInt32LE(offset);
    const flags = page.readUInt16LE(offset + 4);
    const data = keyEnd(page, offset);
    if (isBranch) {
      this.walk(BigInt(low) | (BigInt(flags) << 32n), depth + 1);
      return;
    }
    const length = LENGTHS[flags] ?? low;
    const isKnown = flags === 0 || flags in LENGTHS;
    if (!isKnown || data + length > page.length) throw damagedAt(root);
    if (flags === NODE.isBig) this.visitBig(page.readBigUInt64LE(data), low);
    else if (this.isInFreeTree) {
      const listed = low < 8 ? 0n : page.readBigUInt64LE(data);
      if (low < 8 || 8n * (listed + 1n) > BigInt(low)) throw damagedAt(root);
    }
    if (flags === NODE.isTree) this.walk(page.readBigUInt64LE(data + 40), 0);
  }

  /** A value that has pages of its own. */
  private visitBig(number: bigint, length: number): void {
    const page = this.page(number);
    if (page.readUInt16LE(18) !== PAGE.overflow) throw damagedAt(number);
    const count = page.readUInt32LE(20);
    if (number + BigInt(count) > this.pages) throw cutOff();
    const room = count * this.meta.pageSize - HEADER_BYTES;
    if (length > room) throw damagedAt(number);
  }

  private page(number: bigint): Buffer {
    const { lastPage, pageSize, transaction } = this.meta;
    if (number < FIRST_DATA_PAGE || number > lastPage) throw damagedAt(number);
    if (number >= this.pages) throw cutOff();
    if (this.seen.has(number)) throw damagedAt(number);
    this.seen.add(number);
    const page = read(this.file, Number(number) * pageSize, pageSize);
    const isItself =
      page?.readBigUInt64LE(0) === number &&
      page.readBigUInt64LE(8) <= transaction;
    if (!isItself) throw damagedAt(number);
    return page;
  }
}

/** Where the key of a node ends, and its data begins. */
function keyEnd(page: Buffer, offset: number): number {
  return offset + 8 + page.readUInt16LE(offset + 6);
}

function damagedAt(page: bigint): DamagedFileError {
  return new DamagedFileError(`its page ${page} is damaged`);
}

function cutOff(): DamagedFileError {
  return new DamagedFileError('it is cut off');
}
