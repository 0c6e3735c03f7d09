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
import { XeniooInboxError } from '../xenioo.errors.js';
import type { Batch } from './lmdb.batch.js';
import type { LmdbFolder } from './lmdb.folder.js';

/** Key of the owner's address in the table `meta`. */
const OWNER = 'owner';

/** Time in milliseconds after which a failed attempt is repeated. */
const RETRY_DELAY_MS = 500;

/** Upper bounds in milliseconds of the commits made while starting and stopping. */
const ACQUIRE_TIMEOUT_MS = 2_000;
const RELEASE_TIMEOUT_MS = 1_000;

/** Upper bound in bytes of a Unix socket's path on every system. */
const MAX_SOCKET_PATH = 100;

/** Prefix of named pipes, which Windows has instead of Unix sockets. */
const WINDOWS_PIPE_PREFIX = '\\\\.\\pipe\\';

export interface OwnershipEvents {
  /**
   * Called when this process becomes the owner.
   * @param hasCrashed true when the previous owner did not stop cleanly
   */
  readonly onOwned: (hasCrashed: boolean) => Promise<void>;
  /** Called when another process has replaced this one as the owner. */
  readonly onLost: () => void;
  /** Called when another process has added tasks. */
  readonly onNotified: () => void;
}

interface Owner {
  readonly address: string;
  /** Random; shows a change of the address. */
  readonly version: number;
}

/**
 * Elects the owner: the one process of those that share a folder that handles the
 * tasks. The owner listens on a socket whose address is stored in the folder, and the
 * others stay connected to it. The kernel closes the connections when the owner ends,
 * even by a crash; the first process that then replaces the address is the new owner.
 */
export class LmdbOwnership {
  private readonly logger = new Logger('Xenioo');
  private server: Server | undefined;
  private address: string | undefined;
  private readonly followers = new Set<Socket>();
  private ownerConnection: Socket | undefined;
  private isOwner = false;
  private isStopped = false;
  private hasFailed = false;
  private hasPredecessorCrashed = false;
  private retryTimer: NodeJS.Timeout | undefined;
  private acquiring: Promise<void> | undefined;

  constructor(
    private readonly folder: LmdbFolder,
    private readonly commit: GroupCommit<Batch>,
    private readonly events: OwnershipEvents,
  ) {}

  /** Resolves once the owner is known, or after a short time if a commit waits for the lock. */
  async start(): Promise<void> {
    await settledWithin(this.acquire(), ACQUIRE_TIMEOUT_MS);
  }

  /** Notifies the owner, if it is another process, that tasks were added. */
  notifyOwner(): void {
    // One unsent notification is enough.
    if (this.ownerConnection?.writableLength === 0)
      this.ownerConnection.write('.');
  }

  /** Gives up the ownership if another process has taken it. */
  checkOwner(): void {
    if (!this.isOwner) return;
    this.folder.refresh();
    if (!this.folder.isOpen) return;
    if (this.owner()?.address === this.address) return;
    this.isOwner = false;
    this.close();
    this.events.onLost();
    this.acquireLater();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.retryTimer);
    if (this.acquiring) await settledWithin(this.acquiring, RELEASE_TIMEOUT_MS);
    this.ownerConnection?.destroy();
    // First, or followers that lose their connection would assume a crash.
    if (this.isOwner) await settledWithin(this.release(), RELEASE_TIMEOUT_MS);
    this.close();
  }

  /** Becomes the owner, or connects to the current one. */
  private async acquire(): Promise<void> {
    if (this.isStopped) return;
    this.acquiring = this.acquireNow();
    await this.acquiring;
  }

  private async acquireNow(): Promise<void> {
    try {
      this.folder.refresh();
      const owner = this.owner();
      const isAnotherProcess =
        owner !== undefined && owner.address !== this.address;
      if (isAnotherProcess && (await this.follow(owner.address))) return;
      this.address ??= await this.listen();
      this.isOwner = await this.replaceOwner(owner, this.address);
      if (this.isStopped) return;
      if (!this.isOwner) {
        this.close();
        return this.acquireLater();
      }
      this.hasFailed = false;
      if (isAnotherProcess) {
        this.hasPredecessorCrashed = true;
        await rm(this.pathOf(owner.address), { force: true });
      }
      await this.events.onOwned(this.hasPredecessorCrashed);
      this.hasPredecessorCrashed = false;
    } catch (error) {
      this.isOwner = false;
      this.acquireLater();
      // The folder has logged why it is unavailable.
      if (this.hasFailed || error instanceof XeniooInboxError) return;
      this.hasFailed = true;
      this.logger.error(
        `The LMDB inbox at ${this.folder.path} could not determine which process handles its events; retrying: ${describeError(error).message}`,
      );
    }
  }

  private acquireLater(): void {
    if (this.isStopped) return;
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(
      () => void this.acquire(),
      RETRY_DELAY_MS,
    ).unref();
  }

  /** Connects to the owner, to replace it when the connection closes; resolves to false if there is no listener. */
  private async follow(address: string): Promise<boolean> {
    const socket = connect(this.pathOf(address));
    try {
      await once(socket, 'connect');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ECONNREFUSED' || code === 'ENOENT') return false;
      throw error;
    }
    this.ownerConnection = socket.unref();
    socket
      .on('error', () => {})
      .on('close', () => {
        this.ownerConnection = undefined;
        void this.acquire();
      });
    // Tasks may have been added before the connection was open.
    this.notifyOwner();
    return true;
  }

  private owner(): Owner | undefined {
    const entry = this.folder.tables.meta.getEntry(OWNER);
    return entry && { address: entry.value, version: entry.version! };
  }

  /** Replaces the stored address or removes it; resolves to false if it has changed meanwhile. */
  private async replaceOwner(
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

  /** Removes the address, which shows the next owner that this one stopped cleanly. */
  private async release(): Promise<void> {
    try {
      this.folder.refresh();
      const owner = this.owner();
      if (owner?.address !== this.address) return;
      await this.replaceOwner(owner, undefined);
    } catch {
      // The next process will find no listener at the address.
    }
  }

  /** Starts to listen; resolves to an address that other processes can connect to. */
  private async listen(): Promise<string> {
    const name = `owner-${randomBytes(8).toString('hex')}.sock`;
    if (process.platform === 'win32')
      return this.listenAt(WINDOWS_PIPE_PREFIX + name);
    const temporary = join(tmpdir(), name);
    // A relative name, since other processes may use another path to the folder.
    const path = this.pathOf(name);
    if (Buffer.byteLength(path) > MAX_SOCKET_PATH) {
      return this.listenAt(temporary);
    }
    try {
      return await this.listenAt(name);
    } catch {
      // Some file systems, such as host folders mounted in a container, have no sockets.
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
    // A follower that could not connect retries.
    server.on('error', () => {});
    this.server = server;
    return address;
  }

  private pathOf(address: string): string {
    return address.startsWith(WINDOWS_PIPE_PREFIX)
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
