import { once } from 'node:events';
import {
  connect,
  createServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net';

/** Forwards connections to a server that can be changed, as a virtual IP address does. */
export class TcpForwarder {
  private readonly server: Server;
  /** Open connections to the server, with those of the clients. */
  private readonly clients = new Map<Socket, Socket>();
  private readonly silent = new Set<Socket>();

  /** @param target port of the server that new connections reach */
  static async start(target: number): Promise<TcpForwarder> {
    const forwarder = new TcpForwarder(target);
    await once(forwarder.server.listen(0, '127.0.0.1'), 'listening');
    return forwarder;
  }

  private constructor(public target: number) {
    // A client of a silent connection that ends it gets no answer to that either.
    this.server = createServer({ allowHalfOpen: true }, client =>
      this.forward(client),
    );
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Leaves open connections without an answer, as a machine does that has vanished; of all connections, or of those with this port at the server. */
  silence(port?: number): void {
    for (const [upstream, client] of this.clients) {
      if (port !== undefined && upstream.localPort !== port) continue;
      this.clients.delete(upstream);
      this.silent.add(client);
      client.unpipe(upstream).resume();
      upstream.unpipe(client).destroy();
    }
  }

  async stop(): Promise<void> {
    this.server.close();
    for (const client of [...this.clients.values(), ...this.silent]) {
      client.destroy();
    }
    await once(this.server, 'close');
  }

  private forward(client: Socket): void {
    const upstream = connect({
      port: this.target,
      host: '127.0.0.1',
      allowHalfOpen: true,
    });
    this.clients.set(upstream, client);
    client.pipe(upstream).pipe(client);
    // `close` follows.
    client.on('error', () => {}).on('close', () => upstream.destroy());
    upstream
      .on('error', () => {})
      .on('close', () => {
        if (this.clients.delete(upstream)) client.destroy();
      });
  }
}
