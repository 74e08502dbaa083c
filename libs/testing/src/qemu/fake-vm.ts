import type { VmId } from '@plumbline/domain';
import type { ImageSizes } from './fake-images.js';
import { FakeMachine } from './fake-machine.js';

/** Where a monitor's lines go; as an adapter's wire hears them. */
export interface MonitorEars {
  line(text: string): void;
  closed(why: { nobodyListens: boolean; cause?: unknown }): void;
}

/**
 * What happens to one command. `lose-request`: the connection breaks, and it was not carried out. `lose-reply`: it was,
 * and then the connection breaks. `late`: the connection breaks, and it is carried out when the next client has come.
 * `refuse`: an error, and nothing done.
 */
export type CommandFate = 'lose-request' | 'lose-reply' | 'late' | 'refuse';

interface Message {
  readonly execute: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
  readonly id?: string;
}

interface Client {
  readonly ears: MonitorEars;
  isGreeted: boolean;
  isGone: boolean;
}

export interface VmSurroundings {
  readonly images: ImageSizes;
  isCephSilent(): boolean;
  fate(command: string): CommandFate | null;
}

/**
 * A VM and its monitor. One client at a time; others connect and hear nothing. One command at a time; one that waits for
 * Ceph stops all others, whoever sends them. A client that goes takes with it what it sent, but not what has begun: the
 * reply to that goes to whoever is the client then.
 */
export class FakeVm {
  machine: FakeMachine;
  private isPaused = false;
  private isAlive = true;
  private clients: Client[] = [];
  private queue: Message[] = [];
  private busyWith: Message | null = null;
  private late: Message | null = null;

  constructor(
    readonly id: VmId,
    private readonly around: VmSurroundings,
  ) {
    this.machine = this.newMachine();
  }

  get socket(): string {
    return `fake-vm-${this.id}`;
  }

  /** The command that waits for Ceph, and holds up all others. */
  get stuckOn(): string | null {
    return this.busyWith?.execute ?? null;
  }

  /** Ends the process: its devices and nodes are gone, and nobody listens. */
  kill(): void {
    this.isAlive = false;
    this.isPaused = false;
    this.queue = [];
    this.busyWith = null;
    this.late = null;
    this.machine = this.newMachine();
    for (const { ears } of this.clients.splice(0)) ears.closed({ nobodyListens: false });
  }

  /** Starts it again, with nothing attached. */
  restart(): void {
    if (this.isAlive) this.kill();
    this.isAlive = true;
  }

  /** Stops the process: connections are taken by the kernel, and nothing is answered. */
  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.greet();
    this.pump();
  }

  /** Somebody else's client takes the monitor; returns how it leaves. */
  occupy(): () => void {
    const client = this.dial({ line: () => {}, closed: () => {} });
    return () => client.close();
  }

  dial(ears: MonitorEars): { send(line: string): void; close(): void } {
    const client: Client = { ears, isGreeted: false, isGone: false };
    if (this.isAlive) this.clients.push(client);
    setImmediate(() => {
      if (!this.clients.includes(client) && !client.isGone) ears.closed({ nobodyListens: true });
      else if (this.clients[0] === client) this.greet();
    });
    return {
      send: (line) => {
        if (this.clients[0] === client) this.receive(JSON.parse(line) as Message);
      },
      close: () => this.leave(client),
    };
  }

  /** Goes on with what Ceph held up. */
  pump(): void {
    if (this.isPaused || !this.isAlive) return;
    this.busyWith ??= this.queue.shift() ?? null;
    const message = this.busyWith;
    if (message === null) return;
    if (this.machine.needsCeph(message.execute) && this.around.isCephSilent()) return;
    const fate = this.around.fate(message.execute);
    this.busyWith = null;
    setImmediate(() => this.pump());
    this.meet(message, fate);
  }

  private meet(message: Message, fate: CommandFate | null): void {
    if (fate === 'refuse') {
      this.say({ error: { class: 'GenericError', desc: 'made to fail' }, id: message.id });
    } else if (fate === null) {
      this.say({ ...this.carryOut(message), id: message.id });
    } else {
      if (fate === 'lose-reply') this.carryOut(message);
      this.hangUp();
      if (fate === 'late') this.late = message;
    }
  }

  private carryOut({ execute, arguments: args = {} }: Message) {
    return execute === 'qmp_capabilities' ? { return: {} } : this.machine.carryOut(execute, args);
  }

  private receive(message: Message): void {
    this.queue.push(message);
    setImmediate(() => this.pump());
  }

  /** What an earlier client left under way is done and answered before the new client's first command. */
  private greet(): void {
    const client = this.clients[0];
    if (client === undefined || client.isGreeted || this.isPaused) return;
    client.isGreeted = true;
    this.say({ QMP: { version: {}, capabilities: ['oob'] } });
    const { late } = this;
    this.late = null;
    if (late !== null) this.say({ ...this.carryOut(late), id: late.id });
  }

  private say(message: object): void {
    this.clients[0]?.ears.line(JSON.stringify(message));
  }

  private hangUp(): void {
    const client = this.clients[0];
    if (client !== undefined) this.leave(client);
  }

  private leave(client: Client): void {
    if (client.isGone) return;
    client.isGone = true;
    const wasFirst = this.clients[0] === client;
    this.clients = this.clients.filter((other) => other !== client);
    if (wasFirst) this.queue = [];
    setImmediate(() => client.ears.closed({ nobodyListens: false }));
    if (wasFirst) setImmediate(() => this.greet());
  }

  private newMachine(): FakeMachine {
    const machine: FakeMachine = new FakeMachine(this.around.images, (device) => {
      if (this.machine === machine) this.say({ event: 'DEVICE_DELETED', data: { device } });
    });
    return machine;
  }
}
