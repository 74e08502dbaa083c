import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { linesTo, socketIn } from './wire.js';
import type { Directive, Doing, FromWorker, PointName, Sight, ToWorker } from './wire.js';

/** A worker's end of the line to the controller. When the controller is gone the worker goes on by itself. */
export class Points {
  private readonly waiting = new Map<number, (directive: Directive) => void>();
  private asked = 0;
  private isOpen = true;

  static async open({ runDir, name }: { runDir: string; name: string }): Promise<Points> {
    const socket = connect(socketIn(runDir));
    await once(socket, 'connect');
    return new Points(socket, name);
  }

  private constructor(
    private readonly socket: Socket,
    private readonly name: string,
  ) {
    socket.unref();
    socket.on(
      'data',
      linesTo<ToWorker>(({ answer, directive }) => this.answered(answer, directive)),
    );
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.isOpen = false;
      for (const ask of [...this.waiting.keys()]) this.answered(ask, 'go');
    });
  }

  hello(boot: string): void {
    this.send({ hello: { name: this.name, boot } });
  }

  /** Announces the point, and waits there for as long as the controller wants. */
  ask(point: PointName, doing: Doing): Promise<Directive> {
    if (!this.isOpen) return Promise.resolve('go');
    this.asked += 1;
    const ask = this.asked;
    const answer = new Promise<Directive>((resolve) => this.waiting.set(ask, resolve));
    this.send({ ask, point, doing });
    return answer;
  }

  /** All at once: one answer that is not `go` is for all of them. */
  async askAll(point: PointName, doings: readonly Doing[]): Promise<Directive> {
    const told = await Promise.all(doings.map((doing) => this.ask(point, doing)));
    return told.find((directive) => directive !== 'go') ?? 'go';
  }

  tell(saw: Sight, doing: Doing, detail?: string): void {
    this.send({ saw, doing, ...(detail === undefined ? {} : { detail }) });
  }

  private answered(ask: number, directive: Directive): void {
    this.waiting.get(ask)?.(directive);
    this.waiting.delete(ask);
  }

  private send(message: FromWorker): void {
    if (this.isOpen) this.socket.write(`${JSON.stringify(message)}\n`);
  }
}
