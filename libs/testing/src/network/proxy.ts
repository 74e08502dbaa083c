import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/**
 * What networks do: pass, be silent with connections open (`hung`, both ways; `mute`, what is sent does not arrive; `deaf`,
 * what is answered does not), or refuse. What was held arrives, late, when it passes again.
 */
export type Manner = 'passing' | 'hung' | 'mute' | 'deaf' | 'refusing';

type Way = 'there' | 'back';

const HELD: Readonly<Record<Manner, readonly Way[]>> = {
  passing: [],
  hung: ['there', 'back'],
  mute: ['there'],
  deaf: ['back'],
  refusing: [],
};

/** Stands before a part, and is the network between it and who uses it. */
export class Proxy {
  /** Connections so far. */
  accepted = 0;
  private manner: Manner = 'passing';
  private readonly sockets = new Map<Socket, Way>();
  private readonly server = createServer((client) => this.accept(client));

  private constructor(private readonly target: URL) {}

  /** @param url of the part, with its port */
  static async before(url: string): Promise<Proxy> {
    const proxy = new Proxy(new URL(url));
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** The part's address by way of this proxy. */
  get url(): string {
    const { port } = this.server.address() as AddressInfo;
    const { protocol, username, password, pathname } = this.target;
    const login = username === '' ? '' : `${username}:${password}@`;
    return `${protocol}//${login}127.0.0.1:${port}${pathname === '/' ? '' : pathname}`;
  }

  become(manner: Manner): void {
    this.manner = manner;
    for (const [socket, way] of this.sockets) {
      if (manner === 'refusing') socket.destroy();
      else if (HELD[manner].includes(way)) socket.pause();
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
    for (const [from, to, way] of [
      [client, upstream, 'there'],
      [upstream, client, 'back'],
    ] as const) {
      this.sockets.set(from, way);
      from.on('data', (chunk) => void to.write(chunk));
      from.on('error', () => undefined);
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
      if (HELD[this.manner].includes(way)) from.pause();
    }
  }
}
