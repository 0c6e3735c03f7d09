import { Logger } from '@nestjs/common';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { describeError } from '../describe-error.js';
import type { GroupCommit } from '../inbox/group-commit.js';
import type { Batch, LmdbFolder } from './lmdb.folder.js';
import { newAddress, pathOf, temporaryAddress } from './owner-address.js';
import { removeDeadSockets } from './remove-dead-sockets.js';

/** Under what the address of the owner is kept. */
const OWNER = 'owner';

/** How long to wait before what failed is tried again. */
const AGAIN_AFTER_MS = 500;

export interface OwnershipEvents {
  /** This process is to handle what waits. */
  readonly onOwned: () => void;
  /** Another process took it over: this one was taken for dead. */
  readonly onLost: () => void;
  /** Another process has accepted something. */
  readonly onPoked: () => void;
}

/**
 * Settles which of the processes that share a folder handles what waits there.
 * Each listens on a socket of its own, and the address of the owner's is kept in
 * the folder. The others stay connected to it: the kernel closes the connection
 * when the owner dies, however it dies, and the first that then puts its own
 * address there, in a transaction, is the next.
 */
export class LmdbOwnership {
  private readonly logger = new Logger('Xenioo');
  private address: string;
  private readonly server: Server;
  private readonly followers = new Set<Socket>();
  private toOwner: Socket | undefined;
  private isOwner = false;
  private isStopped = false;
  private hasFailed = false;
  private again: NodeJS.Timeout | undefined;

  constructor(
    private readonly folder: LmdbFolder,
    private readonly commit: GroupCommit<Batch>,
    private readonly events: OwnershipEvents,
  ) {
    this.address = newAddress(folder.path);
    this.server = createServer(follower => this.lead(follower)).unref();
    // A follower that could not connect tries again.
    this.server.on('error', () => {});
  }

  async start(): Promise<void> {
    try {
      await this.listen();
    } catch {
      // Some file systems, as those that a container has of its host, have no sockets.
      this.address = temporaryAddress();
      await this.listen();
    }
    await this.take();
  }

  /** Tells the owner that something was accepted here. */
  poke(): void {
    this.toOwner?.write('.');
  }

  /** Looks whether this process is still the owner. */
  check(): void {
    if (!this.isOwner) return;
    this.folder.refresh();
    if (this.owner()?.address === this.address) return;
    this.isOwner = false;
    this.events.onLost();
    this.takeSoon();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.again);
    this.toOwner?.destroy();
    if (this.isOwner) await this.release();
    if (!this.server.listening) return;
    for (const follower of this.followers) follower.destroy();
    await new Promise<void>(resolve => this.server.close(() => resolve()));
  }

  private async listen(): Promise<void> {
    this.server.listen(pathOf(this.folder.path, this.address));
    await once(this.server, 'listening');
  }

  private async release(): Promise<void> {
    this.folder.refresh();
    const owner = this.owner();
    if (owner?.address !== this.address) return;
    try {
      await this.commit.write(batch => {
        const { meta } = this.folder.tables;
        void batch.when(meta, OWNER, owner.version, () => {
          void meta.remove(OWNER);
        });
      });
    } catch {
      // The next process finds that nobody listens there.
    }
  }

  private owner(): Owner | undefined {
    const entry = this.folder.tables.meta.getEntry(OWNER);
    return entry && { address: entry.value, version: entry.version! };
  }

  private lead(follower: Socket): void {
    this.followers.add(follower);
    follower
      .unref()
      .on('data', () => this.events.onPoked())
      .on('error', () => {})
      .on('close', () => this.followers.delete(follower));
  }

  /** Becomes the owner, or follows the one that there is. */
  private async take(): Promise<void> {
    if (this.isStopped) return;
    try {
      this.folder.refresh();
      const owner = this.owner();
      if (owner && (await this.isFollowed(owner.address))) return;
      this.isOwner = await this.isTaken(owner);
      if (this.isStopped) return await this.release();
      if (!this.isOwner) return this.takeSoon();
      if (owner)
        await rm(pathOf(this.folder.path, owner.address), { force: true });
      this.hasFailed = false;
      this.events.onOwned();
      // Should that fail, they are in nobody's way.
      removeDeadSockets(this.folder.path).catch(() => {});
    } catch (error) {
      this.isOwner = false;
      this.takeSoon();
      if (this.hasFailed) return;
      this.hasFailed = true;
      this.logger.error(
        `The LMDB inbox at ${this.folder.path} can't settle which process handles its events, and tries again: ${describeError(error).message}`,
      );
    }
  }

  /** Puts its own address in the place of the one that was found, if that is still there. */
  private async isTaken(found: Owner | undefined): Promise<boolean> {
    let isTaken!: Promise<boolean>;
    await this.commit.write(batch => {
      const { meta } = this.folder.tables;
      isTaken = batch.when(meta, OWNER, found?.version ?? null, () => {
        const version = 1 + Math.floor(Math.random() * 2 ** 52);
        void meta.put(OWNER, this.address, version);
      });
    });
    return isTaken;
  }

  private takeSoon(): void {
    if (this.isStopped) return;
    clearTimeout(this.again);
    this.again = setTimeout(() => void this.take(), AGAIN_AFTER_MS).unref();
  }

  /** Connects to the owner, and takes its place when the connection ends; false where nobody listens. */
  private async isFollowed(owner: string): Promise<boolean> {
    const socket = connect(pathOf(this.folder.path, owner));
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
        void this.take();
      });
    // What was accepted while nobody listened.
    this.poke();
    return true;
  }
}

interface Owner {
  readonly address: string;
  /** Another one at each change. */
  readonly version: number;
}
