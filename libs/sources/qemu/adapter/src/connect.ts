import type { Backend, FacetName, HostName, SourceClient } from '@plumbline/domain';
import { parseDiskKey, qemuDevice, qemuNode } from '@plumbline/qemu-facets';
import { DeviceBackend } from './device-backend.js';
import { NodeBackend } from './node-backend.js';
import type { Deadlines } from './vm.js';
import { Vms } from './vms.js';
import type { VmAddress } from './vms.js';
import { dialSocket } from './wire.js';
import type { Dial } from './wire.js';

export interface ImageName {
  readonly pool: string;
  readonly image: string;
}

export interface QemuOptions {
  /** The host whose VMs these are. */
  readonly host: HostName;
  /** The VMs of this host as the registry has them; asked freshly for every call. */
  vms(): Promise<readonly VmAddress[]>;
  /** Path of the Ceph configuration that the VMs read. */
  readonly cephConf: string;
  /** Whole name of the cephx user that the VMs open images as: `client.…`. */
  readonly cephUser: string;
  /**
   * Asked before every command that may make QEMU wait for Ceph, which are all changes and one question: a QEMU that
   * waits answers nobody, and its guest stands still. Rejects when Ceph does not answer; by default it is taken to do.
   */
  mayOpenImages?(signal: AbortSignal): Promise<void>;
  /** An image's true size, by Ceph itself: QEMU only knows the size that it had when it was opened. */
  imageBytes(image: ImageName, signal: AbortSignal): Promise<number>;
  /**
   * Asked before each change, with the VM's monitor in hand: rejects when another process may have taken over from this
   * one. By default nobody does.
   */
  mayChange?(): Promise<void>;
  readonly deadlines?: Partial<Deadlines>;
  /** How a monitor is reached; by default through its unix socket. */
  readonly dial?: Dial;
}

const DEADLINES: Deadlines = { greetingMs: 2_000, askMs: 5_000, changeMs: 15_000, unplugMs: 2_000 };

/**
 * The VMs of one host. Connections to their monitors are made when first needed, and kept: a monitor serves one client,
 * so that whoever has it keeps others out.
 */
export function connectQemu(options: QemuOptions): SourceClient {
  const deadlines = { ...DEADLINES, ...options.deadlines };
  const vms = new Vms({
    host: options.host,
    vms: () => options.vms(),
    dial: options.dial ?? dialSocket,
    deadlines,
    mayChange: () => options.mayChange?.() ?? Promise.resolve(),
    mayOpenImages: (signal) => options.mayOpenImages?.(signal) ?? Promise.resolve(),
  });
  const access = {
    conf: options.cephConf,
    user: options.cephUser.replace(/^client\./, ''),
    imageBytes: (image: ImageName, signal: AbortSignal) => options.imageBytes(image, signal),
  };
  const facets = new Map<FacetName, Backend>([
    [qemuNode.name, new NodeBackend(vms, access)],
    [qemuDevice.name, new DeviceBackend(vms, deadlines.unplugMs)],
  ]);
  return {
    name: 'qemu',
    facets,
    partOf: ({ key }) => `vm-${parseDiskKey(key).vm}`,
    // One dead VM is not the source's outage: its own disks cannot be asked for, and all others can.
    ping: async (signal) => void (await vms.all(signal)),
    catchUp: async () => {},
    close: async () => vms.close(),
  };
}
