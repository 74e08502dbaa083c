/**
 * A host's VMs as their monitors show them, for tests of whatever speaks QMP: below the adapter, so that the adapter is
 * tested with it. Answers come in the order of the event loop and depend on nothing else, so a run can be repeated.
 */
import { TransientError } from '@plumbline/domain';
import type { VmId } from '@plumbline/domain';
import { FakeImages } from './fake-images.js';
import type { ImageSizes } from './fake-images.js';
import { FakeVm } from './fake-vm.js';
import type { CommandFate, MonitorEars } from './fake-vm.js';

export interface FakeQemuOptions {
  readonly images?: ImageSizes;
  /** Decides what happens to a command; null, or by default: it is carried out and answered. */
  fate?(at: { vm: VmId; command: string }): CommandFate | null;
}

export class FakeQemu {
  readonly images: ImageSizes;
  private readonly machines = new Map<VmId, FakeVm>();
  private readonly fates: { command: string; fate: CommandFate }[] = [];
  private cephIsSilent = false;
  private isListed = true;

  constructor(private readonly options: FakeQemuOptions = {}) {
    this.images = options.images ?? new FakeImages();
  }

  addVm(number: number): FakeVm {
    const id = number as VmId;
    const vm = new FakeVm(id, {
      images: this.images,
      isCephSilent: () => this.cephIsSilent,
      fate: (command) => this.fateOf(id, command),
    });
    this.machines.set(id, vm);
    return vm;
  }

  /** The next such command meets this fate. */
  next(command: string, fate: CommandFate): void {
    this.fates.push({ command, fate });
  }

  silenceCeph(): void {
    this.cephIsSilent = true;
  }

  /** Everything that waited for Ceph goes on. */
  wakeCeph(): void {
    this.cephIsSilent = false;
    for (const vm of this.machines.values()) vm.pump();
  }

  /** The registry, which knows the VMs, cannot be read until the returned function is called. */
  hideVms(): () => void {
    this.isListed = false;
    return () => void (this.isListed = true);
  }

  readonly vms = async (): Promise<readonly { id: VmId; socket: string }[]> => {
    if (!this.isListed) throw new TransientError('the list of VMs cannot be read', { reason: 'vms-unknown' });
    return [...this.machines.values()].map(({ id, socket }) => ({ id, socket }));
  };

  readonly dial = (socket: string, ears: MonitorEars): { send(line: string): void; close(): void } => {
    const vm = [...this.machines.values()].find((one) => one.socket === socket);
    if (vm !== undefined) return vm.dial(ears);
    setImmediate(() => ears.closed({ nobodyListens: true }));
    return { send: () => {}, close: () => {} };
  };

  private fateOf(vm: VmId, command: string): CommandFate | null {
    const place = this.fates.findIndex((fate) => fate.command === command);
    if (place >= 0) return this.fates.splice(place, 1)[0]?.fate ?? null;
    return this.options.fate?.({ vm, command }) ?? null;
  }
}
