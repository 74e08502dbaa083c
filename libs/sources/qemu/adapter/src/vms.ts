import { EngineError, RejectedError } from '@plumbline/domain';
import type { HostName, VmId } from '@plumbline/domain';
import { held } from './errors.js';
import { Monitor } from './monitor.js';
import { OpenCalls } from './open-calls.js';
import { Vm } from './vm.js';
import type { Deadlines } from './vm.js';
import type { Dial } from './wire.js';

/** A running VM of this host, and the unix socket of its monitor. */
export interface VmAddress {
  readonly id: VmId;
  readonly socket: string;
}

export interface VmsOptions {
  readonly host: HostName;
  /** The VMs of this host as the registry has them; asked freshly each time. */
  readonly vms: () => Promise<readonly VmAddress[]>;
  readonly dial: Dial;
  readonly deadlines: Deadlines;
  readonly mayOpenImages: (signal: AbortSignal) => Promise<void>;
  readonly mayChange: () => Promise<void>;
}

interface Connected {
  readonly socket: string;
  readonly monitor: Monitor;
  readonly vm: Vm;
}

/** The VMs of this host, each with its one monitor, as long as the registry has it at that socket. */
export class Vms {
  readonly host: HostName;
  readonly open = new OpenCalls();
  private readonly connected = new Map<VmId, Connected>();

  constructor(private readonly options: VmsOptions) {
    this.host = options.host;
  }

  async find(id: VmId, signal: AbortSignal): Promise<Vm> {
    const found = (await this.all(signal)).find((vm) => vm.id === id);
    if (found !== undefined) return found.vm;
    throw new RejectedError(`there is no VM ${id} on this host`, { reason: 'vm-unknown' });
  }

  async all(signal: AbortSignal): Promise<{ id: VmId; vm: Vm }[]> {
    const addresses = await this.addresses(signal);
    for (const [id, { socket, monitor }] of this.connected) {
      if (addresses.some((address) => address.id === id && address.socket === socket)) continue;
      monitor.close();
      this.connected.delete(id);
    }
    return addresses.map((address) => ({ id: address.id, vm: this.connect(address).vm }));
  }

  close(): void {
    for (const { monitor } of this.connected.values()) monitor.close();
    this.connected.clear();
  }

  private async addresses(signal: AbortSignal): Promise<readonly VmAddress[]> {
    try {
      return await this.open.run({ key: '', what: 'read the list of VMs', signal }, this.options.vms);
    } catch (error) {
      if (error instanceof EngineError) throw error;
      const message = 'read the list of VMs';
      throw held(message, { reason: 'vms-unknown', because: 'the registry does not tell', cause: error });
    }
  }

  private connect({ id, socket }: VmAddress): Connected {
    const known = this.connected.get(id);
    if (known !== undefined) return known;
    const { dial, deadlines, mayOpenImages, mayChange } = this.options;
    const monitor = new Monitor({ dial, socket, greetingMs: deadlines.greetingMs, mayChange });
    const vm = new Vm(monitor, { deadlines, open: this.open, mayOpenImages });
    const made = { socket, monitor, vm };
    this.connected.set(id, made);
    return made;
  }
}
