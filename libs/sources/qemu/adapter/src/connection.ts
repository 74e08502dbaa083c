import type { Dial, Wire } from './wire.js';

export interface QmpReply {
  readonly id?: string;
  readonly return?: unknown;
  readonly error?: { readonly class: string; readonly desc: string };
}

export interface QmpEvent {
  readonly event: string;
  readonly data?: unknown;
}

export interface ConnectionEvents {
  /** The monitor is ours, and whatever an earlier connection had under way has ended. */
  ready(): void;
  reply(reply: QmpReply): void;
  event(event: QmpEvent): void;
  /** Once, and last. */
  closed(why: { nobodyListens: boolean; cause?: unknown }): void;
}

/**
 * One connection to a monitor, from its greeting on. A monitor serves one client: a second one connects but is not
 * greeted, so that silence after connecting means that another process has the VM, or that the VM is paused.
 *
 * The greeting alone proves little. A QEMU that is stuck in a command still greets, from another thread; only the answer
 * to `qmp_capabilities` comes after that command has ended. And the reply to that command goes to the *new* client:
 * hence ids that no other connection, of whatever process, ever used.
 */
export class Connection {
  private readonly wire: Wire;
  private readonly greetingTimer: NodeJS.Timeout;
  private isReady = false;
  private failure: Error | undefined;

  constructor(
    at: { dial: Dial; socket: string; greetingMs: number; negotiationId: string },
    private readonly events: ConnectionEvents,
  ) {
    this.negotiationId = at.negotiationId;
    this.greetingTimer = setTimeout(() => {
      this.fail(new Error(`connected, but not greeted within ${at.greetingMs} ms`));
    }, at.greetingMs);
    this.wire = at.dial(at.socket, {
      line: (text) => this.read(text),
      closed: ({ nobodyListens, cause }) => {
        clearTimeout(this.greetingTimer);
        events.closed({ nobodyListens, cause: this.failure ?? cause });
      },
    });
  }

  private readonly negotiationId: string;

  get ready(): boolean {
    return this.isReady;
  }

  send(id: string, command: string, args: object): void {
    this.wire.send(JSON.stringify({ execute: command, arguments: args, id }));
  }

  close(): void {
    this.wire.close();
  }

  private read(text: string): void {
    const message = parsed(text);
    if (message === null) this.fail(new Error('the monitor sent something that is no QMP'));
    else if ('QMP' in message) this.greeted();
    else if ('event' in message) this.events.event(message as unknown as QmpEvent);
    else if (message['id'] === this.negotiationId) this.negotiated(message);
    else this.events.reply(message);
  }

  private greeted(): void {
    clearTimeout(this.greetingTimer);
    this.wire.send(JSON.stringify({ execute: 'qmp_capabilities', id: this.negotiationId }));
  }

  private negotiated(reply: QmpReply): void {
    if (reply.error === undefined) {
      this.isReady = true;
      this.events.ready();
    } else {
      this.fail(new Error(`the monitor refused to negotiate: ${reply.error.desc}`));
    }
  }

  private fail(cause: Error): void {
    this.failure ??= cause;
    this.wire.close();
  }
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const message: unknown = JSON.parse(text);
    return typeof message === 'object' && message !== null ? (message as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
