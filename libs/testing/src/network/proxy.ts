import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export type Manner = 'passing' | 'hung' | 'refusing';

/** Stands before Redis and does what networks do: passes, is silent with its connections open, or refuses. */
export class Proxy {
  /** Connections so far. */
  accepted = 0;
  private manner: Manner = 'passing';
  private readonly sockets = new Set<Socket>();
  private readonly server = createServer((client) => this.accept(client));

  private constructor(private readonly target: URL) {}

  static async before(redisUrl: string): Promise<Proxy> {
    const proxy = new Proxy(new URL(redisUrl));
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    const { port } = this.server.address() as AddressInfo;
    return `redis://127.0.0.1:${port}${this.target.pathname}`;
  }

  become(manner: Manner): void {
    this.manner = manner;
    for (const socket of this.sockets) {
      if (manner === 'hung') socket.pause();
      else if (manner === 'refusing') socket.destroy();
      else socket.resume();
    }
  }

  async close(): Promise<void> {
    this.become('refusing');
    await new Promise((resolve) => this.server.close(resolve));
  }

  private accept(client: Socket): void {
    this.accepted++;
    if (this.manner === 'refusing') {
      client.destroy();
      return;
    }
    const upstream = connect(Number(this.target.port), this.target.hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.sockets.add(from);
      from.on('data', (chunk) => void to.write(chunk));
      from.on('error', () => undefined);
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
      if (this.manner === 'hung') from.pause();
    }
  }
}
