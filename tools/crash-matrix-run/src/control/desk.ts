import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { MoveKey } from '../matrix/variants.js';
import { linesTo } from '../points/wire.js';
import type { Directive, Doing, FromWorker, PointName, Sight } from '../points/wire.js';

/** A worker that waits at a point. */
export interface Held {
  readonly by: string;
  readonly doing: Doing;
  answer(directive: Directive): void;
}

/** What a worker did, by the order in which it said so. */
export interface Seen {
  readonly saw: Sight;
  readonly doing: Doing;
  readonly by: string;
  readonly boot: string;
  readonly order: number;
  readonly detail?: string;
}

interface Armed {
  readonly move: MoveKey;
  readonly point: PointName;
  readonly take: (held: Held) => void;
}

/** The controller's end of the lines: it knows who is where, and says who may go on. Who is not expected goes on at once. */
export class Desk {
  private readonly armed = new Map<string, Armed>();
  private readonly drains: Held[] = [];
  private readonly sockets = new Set<Socket>();
  private told: ((seen: Seen) => void) | null = null;
  private mayDrain: () => boolean = () => true;
  readonly seen: Seen[] = [];

  static async open(path: string): Promise<Desk> {
    const server = createServer();
    await new Promise<void>((done, fail) => server.once('error', fail).listen(path, done));
    return new Desk(server);
  }

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => this.serve(socket));
  }

  /** The next worker that comes to this point of this resource is held there. One point a resource at a time. */
  arm(resource: string, move: MoveKey, point: PointName): Promise<Held> {
    return new Promise((take) => this.armed.set(resource, { move, point, take }));
  }

  disarm(resource: string): void {
    this.armed.delete(resource);
  }

  /** Billing reads all that is owed at once: it begins when all that is wanted is owed. */
  holdDrainsUntil(mayDrain: () => boolean): void {
    this.mayDrain = mayDrain;
    this.letDrain();
  }

  /** Tells at once what is seen from now on; the answer ends it. */
  onSeen(told: (seen: Seen) => void): () => void {
    this.told = told;
    return () => (this.told = null);
  }

  saw(isIt: (seen: Seen) => boolean): boolean {
    return this.seen.some(isIt);
  }

  forget(): void {
    this.seen.length = 0;
    this.armed.clear();
    this.holdDrainsUntil(() => true);
  }

  async close(): Promise<void> {
    this.forget();
    for (const socket of this.sockets) socket.destroy();
    await new Promise((done) => this.server.close(done));
  }

  private serve(socket: Socket): void {
    let who = { name: '', boot: '' };
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.sockets.delete(socket));
    const answerTo = (ask: number) => (directive: Directive) => {
      if (!socket.destroyed) socket.write(`${JSON.stringify({ answer: ask, directive })}\n`);
    };
    const take = (message: FromWorker): void => {
      if ('hello' in message) who = message.hello;
      else if ('ask' in message) this.asked(message, { by: who.name, answer: answerTo(message.ask) });
      else this.note({ ...message, by: who.name, boot: who.boot, order: this.seen.length });
      this.letDrain();
    };
    socket.on('data', linesTo(take));
  }

  private note(seen: Seen): void {
    this.seen.push(seen);
    this.told?.(seen);
  }

  private asked({ point, doing }: { point: PointName; doing: Doing }, from: Omit<Held, 'doing'>): void {
    const held = { ...from, doing };
    if (point === 'drain') {
      this.drains.push(held);
      return;
    }
    const armed = this.armed.get(doing.resource);
    if (armed === undefined || armed.move !== doing.move || armed.point !== point) {
      held.answer('go');
      return;
    }
    this.armed.delete(doing.resource);
    armed.take(held);
  }

  /** Asks again whether all is owed that is wanted. */
  letDrain(): void {
    if (!this.mayDrain()) return;
    for (const held of this.drains.splice(0)) held.answer('go');
  }
}
