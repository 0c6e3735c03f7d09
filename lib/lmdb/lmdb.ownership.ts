import { Logger } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describeError } from '../describe-error.js';
import type { GroupCommit } from '../inbox/group-commit.js';
import { settledWithin } from '../settled-within.js';
import type { Batch, LmdbFolder } from './lmdb.folder.js';

/** Key under which the address of the owner is stored. */
const OWNER = 'owner';

/** Time in milliseconds after which what failed is tried again. */
const RETRY_AFTER_MS = 500;

/** Upper bounds in milliseconds of the time that a commit may take while starting and stopping. */
const KNOWN_WITHIN_MS = 2_000;
const RELEASED_WITHIN_MS = 1_000;

/** Length of a Unix socket's path that every system supports. */
const MAX_SOCKET_PATH = 100;

/** Windows has named pipes where other systems have Unix sockets. */
const PIPES = '\\\\.\\pipe\\';

export interface OwnershipEvents {
  /**
   * This process handles the tasks from now on.
   * @param hasDied true when the owner before it did not stop as it should
   */
  readonly onOwned: (hasDied: boolean) => Promise<void>;
  /** Another process took this one for dead, and handles the tasks. */
  readonly onLost: () => void;
  /** Another process has added tasks. */
  readonly onNotified: () => void;
}

interface Owner {
  readonly address: string;
  /** Different after each change. */
  readonly version: number;
}

/**
 * Decides which of the processes that share a folder handles the tasks. The owner
 * listens on a socket whose address is stored in the folder, and the others stay
 * connected to it: the kernel closes the connection when the owner ends, however it
 * ends, and the first that then replaces the address is the next.
 */
export class LmdbOwnership {
  private readonly logger = new Logger('Xenioo');
  private server: Server | undefined;
  private address: string | undefined;
  private readonly followers = new Set<Socket>();
  private toOwner: Socket | undefined;
  private isOwner = false;
  private isStopped = false;
  private hasFailed = false;
  private hasPredecessorDied = false;
  private retryTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly folder: LmdbFolder,
    private readonly commit: GroupCommit<Batch>,
    private readonly events: OwnershipEvents,
  ) {}

  /** Resolves once the owner is known, or soon: a commit may have to wait for a lock. */
  async start(): Promise<void> {
    await settledWithin(this.acquire(), KNOWN_WITHIN_MS);
  }

  /** Tells the owner that tasks were added. */
  notifyOwner(): void {
    // One notice that is on its way is enough.
    if (this.toOwner?.writableLength === 0) this.toOwner.write('.');
  }

  /** Looks whether this process is still the owner. */
  check(): void {
    if (!this.isOwner || !this.folder.isOpen) return;
    this.folder.refresh();
    if (this.owner()?.address === this.address) return;
    this.isOwner = false;
    this.close();
    this.events.onLost();
    this.acquireLater();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.retryTimer);
    this.toOwner?.destroy();
    // Followers that lose their connection before would take this process for dead.
    if (this.isOwner) await settledWithin(this.release(), RELEASED_WITHIN_MS);
    this.close();
  }

  /** Becomes the owner, or follows the present one. */
  private async acquire(): Promise<void> {
    if (this.isStopped) return;
    try {
      this.folder.refresh();
      const owner = this.owner();
      const isOther = owner !== undefined && owner.address !== this.address;
      if (isOther && (await this.hasFollowed(owner.address))) return;
      this.address ??= await this.listen();
      this.isOwner = await this.hasReplaced(owner, this.address);
      if (this.isStopped) {
        await this.release();
        return this.close();
      }
      if (!this.isOwner) {
        this.close();
        return this.acquireLater();
      }
      this.hasFailed = false;
      if (isOther) {
        this.hasPredecessorDied = true;
        await rm(this.pathOf(owner.address), { force: true });
      }
      await this.events.onOwned(this.hasPredecessorDied);
      this.hasPredecessorDied = false;
    } catch (error) {
      this.isOwner = false;
      this.acquireLater();
      if (this.hasFailed) return;
      this.hasFailed = true;
      this.logger.error(
        `The LMDB inbox at ${this.folder.path} could not find out which process handles its events; retrying: ${describeError(error).message}`,
      );
    }
  }

  private acquireLater(): void {
    if (this.isStopped) return;
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(
      () => void this.acquire(),
      RETRY_AFTER_MS,
    ).unref();
  }

  /** Connects to the owner, to replace it when the connection closes; false where nobody listens. */
  private async hasFollowed(address: string): Promise<boolean> {
    const socket = connect(this.pathOf(address));
    try {
      await once(socket, 'connect');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ECONNREFUSED' || code === 'ENOENT') return false;
      throw error;
    }
    this.toOwner = socket.unref();
    socket
      .on('error', () => {})
      .on('close', () => {
        this.toOwner = undefined;
        void this.acquire();
      });
    // Tasks may have been added while nobody listened.
    this.notifyOwner();
    return true;
  }

  private owner(): Owner | undefined {
    const entry = this.folder.tables.meta.getEntry(OWNER);
    return entry && { address: entry.value, version: entry.version! };
  }

  /** Stores an address instead of the one that was found, unless that has changed. */
  private async hasReplaced(
    found: Owner | undefined,
    address: string | undefined,
  ): Promise<boolean> {
    let isReplaced!: Promise<boolean>;
    await this.commit.write(batch => {
      const { meta } = this.folder.tables;
      isReplaced = batch.when(meta, OWNER, found?.version ?? null, () => {
        const version = 1 + Math.floor(Math.random() * 2 ** 52);
        if (address === undefined) void meta.remove(OWNER);
        else void meta.put(OWNER, address, version);
      });
    });
    return isReplaced;
  }

  /** Removes the address, so that the next owner knows that this one stopped as it should. */
  private async release(): Promise<void> {
    try {
      this.folder.refresh();
      const owner = this.owner();
      if (owner?.address !== this.address) return;
      await this.hasReplaced(owner, undefined);
    } catch {
      // The next process finds that nobody listens at the address.
    }
  }

  /** Starts to listen; returns an address that other processes can connect to. */
  private async listen(): Promise<string> {
    const name = `owner-${randomBytes(8).toString('hex')}.sock`;
    if (process.platform === 'win32') return this.listenAt(PIPES + name);
    const temporary = join(tmpdir(), name);
    // Other processes may know the folder under another path: the name is relative.
    const path = this.pathOf(name);
    if (Buffer.byteLength(path) > MAX_SOCKET_PATH) {
      return this.listenAt(temporary);
    }
    try {
      return await this.listenAt(name);
    } catch {
      // Some file systems, such as folders of the host in a container, have no sockets.
      return this.listenAt(temporary);
    }
  }

  private async listenAt(address: string): Promise<string> {
    const server = createServer(socket => {
      this.followers.add(socket);
      socket
        .unref()
        .on('data', () => this.events.onNotified())
        .on('error', () => {})
        .on('close', () => this.followers.delete(socket));
    });
    server.unref().listen(this.pathOf(address));
    await once(server, 'listening');
    // A follower that could not connect tries again.
    server.on('error', () => {});
    this.server = server;
    return address;
  }

  private pathOf(address: string): string {
    return address.startsWith(PIPES)
      ? address
      : resolve(this.folder.path, address);
  }

  private close(): void {
    this.server?.close();
    for (const follower of this.followers) follower.destroy();
    this.server = undefined;
    this.address = undefined;
  }
}
