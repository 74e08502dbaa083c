import { backoffMs, UncertainError } from '@plumbline/domain';
import { monotonicMs, newNonce } from '@plumbline/platform';
import { Connection } from './connection.js';
import type { QmpEvent, QmpReply } from './connection.js';
import { QmpRefusal, VmDead, held, stoppedWaiting, unreachable } from './errors.js';
import type { Dial } from './wire.js';

export interface MonitorOptions {
  readonly dial: Dial;
  readonly socket: string;
  /** How long a monitor may take to greet: then it is another client's, or its VM is paused. */
  readonly greetingMs: number;
  /**
   * Asked before each change, while the monitor is ours alone. Rejects when another process may have taken over from this
   * one. Whoever has taken over cannot be at the monitor yet, so that our change comes before all of theirs.
   */
  readonly mayChange: () => Promise<void>;
}

export interface Command {
  readonly name: string;
  readonly args?: object;
  /** Whether it changes anything: then its outcome is uncertain once it was sent and not answered. */
  readonly changes: boolean;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

interface Waiting extends Command {
  readonly id: string;
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
  /** Nothing of it can happen any more. */
  ended: () => void;
  /** Nobody waits for it: what was not sent by then never is. */
  isGivenUp: boolean;
}

/** How many commands may wait for one VM. */
const WAITING_MAX = 512;
const RECONNECT = { baseMs: 100, capMs: 5_000 };

/**
 * A VM's monitor: one connection, kept, and one command at a time, in the order asked. QEMU carries out one after the
 * other anyway, so whatever is not sent yet when its deadline passes is known not to have happened. A command that was
 * sent stays at the head until its reply has come, however late: nothing else is sent while it may still take effect.
 */
export class Monitor {
  private readonly waiting: Waiting[] = [];
  private readonly listeners = new Set<(event: QmpEvent) => void>();
  private readonly client = newNonce();
  private connection: Connection | null = null;
  private sent: Waiting | null = null;
  /** Whether what is at the head went out, or still waits for leave. */
  private isOut = false;
  /** Sent over connections that broke: open until the next one is ready, or nobody listens any more. */
  private lost: Waiting[] = [];
  private commands = 0;
  private failures = 0;
  private failure: unknown;
  private retryAt = 0;
  private retryTimer: NodeJS.Timeout | undefined;
  private isClosed = false;

  constructor(private readonly options: MonitorOptions) {}

  /**
   * Resolves with what QEMU returns, or rejects with `QmpRefusal`, or with what became of it otherwise. `ended` resolves
   * when nothing of it can happen any more, which may be long after.
   */
  run(command: Command): { outcome: Promise<unknown>; ended: Promise<void> } {
    let ended = () => {};
    const end = new Promise<void>((resolve) => (ended = resolve));
    const outcome = new Promise<unknown>((resolve, reject) => {
      const waiting = { ...command, id: this.nextId(), resolve, reject, ended, isGivenUp: false };
      const refusal = this.refusal(command);
      if (refusal === null) this.enqueue(waiting);
      else {
        reject(refusal);
        ended();
      }
    });
    return { outcome, ended: end };
  }

  /** Calls back for each event until the returned function is called. */
  listen(listener: (event: QmpEvent) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.retryTimer);
    this.connection?.close();
    this.endLost();
  }

  private refusal({ name, signal }: Command): Error | null {
    if (this.isClosed) return unreachable(name, new Error('its connection was closed'));
    if (signal.aborted) return stoppedWaiting(name, signal);
    if (this.waiting.length >= WAITING_MAX) {
      return held(name, { reason: 'vm-busy', because: 'too many wait for the VM' });
    }
    const isBackingOff = this.connection === null && monotonicMs() < this.retryAt;
    return isBackingOff ? unreachable(name, this.failure) : null;
  }

  private enqueue(waiting: Waiting): void {
    const giveUp = (error: () => Error) => {
      const place = this.waiting.indexOf(waiting);
      if (place >= 0) this.waiting.splice(place, 1);
      waiting.isGivenUp = true;
      waiting.reject(error());
      if (place >= 0) waiting.ended();
    };
    const timer = setTimeout(() => giveUp(() => this.deadlinePassed(waiting)), waiting.deadlineMs);
    const onAbort = () => giveUp(() => stoppedWaiting(waiting.name, waiting.signal));
    const clear = () => {
      clearTimeout(timer);
      waiting.signal.removeEventListener('abort', onAbort);
    };
    waiting.signal.addEventListener('abort', onAbort, { once: true });
    const { resolve, reject } = waiting;
    waiting.resolve = (value) => (clear(), resolve(value));
    waiting.reject = (error) => (clear(), reject(error));
    this.waiting.push(waiting);
    this.pump();
  }

  private deadlinePassed(waiting: Waiting): Error {
    const { name, deadlineMs } = waiting;
    if (this.sent !== waiting) {
      if (this.connection?.ready !== true) return unreachable(name);
      return held(name, { reason: 'vm-busy', because: 'an earlier command is not answered yet' });
    }
    return this.mayHaveLanded(waiting)
      ? new UncertainError(`no answer to ${name} within ${deadlineMs} ms`, { reason: 'vm-timeout' })
      : held(name, { reason: 'vm-timeout', because: `no answer within ${deadlineMs} ms` });
  }

  private pump(): void {
    if (this.isClosed) return;
    if (this.connection === null) {
      if (this.waiting.length + this.lost.length > 0) this.connect();
      return;
    }
    if (!this.connection.ready || this.sent !== null) return;
    const next = this.waiting.shift();
    if (next === undefined) return;
    this.sent = next;
    this.isOut = !next.changes;
    if (next.changes) void this.sendIfAllowed(this.connection, next);
    else this.connection.send(next.id, next.name, next.args ?? {});
  }

  /** Sent over the very connection that was ready when it was asked for, or not at all. */
  private async sendIfAllowed(connection: Connection, next: Waiting): Promise<void> {
    const refusal = await this.options.mayChange().then(
      () => null,
      (error: Error) => error,
    );
    if (this.sent !== next || this.connection !== connection) return;
    if (refusal === null && !next.isGivenUp) {
      this.isOut = true;
      return connection.send(next.id, next.name, next.args ?? {});
    }
    this.sent = null;
    next.reject(refusal ?? stoppedWaiting(next.name, next.signal));
    next.ended();
    this.pump();
  }

  /** A change that still waits for leave was not sent. */
  private mayHaveLanded({ changes }: Waiting): boolean {
    return changes && this.isOut;
  }

  private connect(): void {
    const { dial, socket, greetingMs } = this.options;
    clearTimeout(this.retryTimer);
    const at = { dial, socket, greetingMs, negotiationId: this.nextId() };
    this.connection = new Connection(at, {
      ready: () => {
        this.failures = 0;
        this.endLost();
        this.pump();
      },
      reply: (reply) => this.replied(reply),
      event: (event) => this.listeners.forEach((listener) => listener(event)),
      closed: (why) => this.disconnected(why),
    });
  }

  private replied(reply: QmpReply): void {
    const { sent } = this;
    if (sent === null || reply.id !== sent.id) return; // The late reply to a command of an earlier connection.
    this.sent = null;
    if (reply.error === undefined) sent.resolve(reply.return);
    else sent.reject(new QmpRefusal(reply.error.class, reply.error.desc));
    sent.ended();
    this.pump();
  }

  private disconnected({ nobodyListens, cause }: { nobodyListens: boolean; cause?: unknown }): void {
    const wasReady = this.connection?.ready === true;
    this.connection = null;
    this.failure = cause;
    if (!wasReady) this.failures += 1;
    // Where nobody listens it costs nothing to ask, and a VM that is started again is found at once.
    const pauseMs =
      wasReady || nobodyListens
        ? 0
        : backoffMs({ tries: this.failures, ...RECONNECT, random: () => (1 + Math.random()) / 2 });
    this.retryAt = monotonicMs() + pauseMs;
    this.loseSent(cause);
    if (nobodyListens || this.isClosed) this.endLost();
    for (const waiting of this.waiting.splice(0)) {
      waiting.reject(nobodyListens ? new VmDead(waiting.name, cause) : unreachable(waiting.name, cause));
      waiting.ended();
    }
    // Nobody may ask again, and somebody may wait to hear that what was lost has ended.
    if (this.lost.length > 0) this.retryTimer = setTimeout(() => this.pump(), pauseMs).unref();
  }

  private loseSent(cause: unknown): void {
    const { sent } = this;
    this.sent = null;
    if (sent === null) return;
    const reason = 'vm-connection-lost';
    const because = "the VM's monitor went away";
    sent.reject(
      this.mayHaveLanded(sent)
        ? new UncertainError(`${because} during ${sent.name}`, { reason, cause })
        : held(sent.name, { reason, because, cause }),
    );
    if (this.mayHaveLanded(sent)) this.lost.push(sent);
    else sent.ended();
  }

  private endLost(): void {
    for (const lost of this.lost.splice(0)) lost.ended();
  }

  private nextId(): string {
    this.commands += 1;
    return `${this.client}-${this.commands}`;
  }
}
