import { GIB } from '@plumbline/ceph-facets';
import { BusyError, HeldError, RejectedError } from '@plumbline/domain';
import type { Backend, FacetName, Source } from '@plumbline/domain';
import { parseDiskKey, qemuDevice, qemuNode } from '@plumbline/qemu-facets';
import type { DeviceSeen, DeviceWant, NodeSeen, NodeWant } from '@plumbline/qemu-facets';
import { Hands } from './hands.js';
import type { Call, Done, Protocol } from './hands.js';
import type { Machine, StoredNode } from './machine.js';
import type { SimulatedProcess } from './process.js';
import type { World } from './world.js';

const UNPLUG_MS = 2_000;
const LOOK_EVERY_MS = 500;
const ASK_AGAIN_MS = 1_000;

/** A qemu-worker's hands: what the adapter does, in the commands that a VM's monitor carries out one by one. */
export function qemuHands(world: World, process: SimulatedProcess): ReadonlyMap<FacetName, Backend> {
  const hands = new Hands(world, process);
  return new Map([
    hands.backendOf(new NodeProtocol(world, process)),
    hands.backendOf(new DeviceProtocol(world, process)),
  ]);
}

/** What a worker of a host's VMs looks at for the scrubber. */
export function qemuSources(world: World, process: SimulatedProcess): readonly Source[] {
  const hands = new Hands(world, process);
  const [node, device] = [new NodeProtocol(world, process), new DeviceProtocol(world, process)];
  return [
    hands.sourceOf({ facet: node.facet, look: (call) => node.look(call) }),
    hands.sourceOf({ facet: device.facet, look: (call) => device.look(call) }),
  ];
}

/** What both kinds of things have in common: they are a VM's, and asked for at its monitor. */
class AtMonitor {
  constructor(
    protected readonly world: World,
    protected readonly process: SimulatedProcess,
  ) {}

  protected at({ place: { key } }: Call): { machine: Machine; name: string } {
    const { vm, name } = parseDiskKey(key);
    return { machine: this.world.machine(vm), name };
  }

  /** Before it changes anything it asks whether its boot still stands: until then nobody else got in here. */
  protected async command<T>(
    call: Call,
    what: string,
    changes: boolean,
    serve: () => T | Promise<T>,
  ): Promise<T> {
    if (changes) await this.process.expectStanding();
    const { machine } = this.at(call);
    const { attempt, place } = call;
    const asked = {
      process: this.process,
      key: place.key,
      attempt,
      what,
      changes,
      fault: call.fault(changes),
      serve,
    };
    return await machine.command(asked);
  }
}

class NodeProtocol extends AtMonitor implements Protocol<NodeWant, NodeSeen> {
  readonly facet = qemuNode;

  pointOf({ want }: { want: unknown }, undoes: boolean) {
    if (want === null || undoes) return 'node-remove';
    return 'grownToGib' in (want as object) ? 'node-grow' : 'node-add';
  }

  look(call: Call): Promise<NodeSeen | null> {
    const { machine, name } = this.at(call);
    return this.command(call, 'query-named-block-nodes', false, () => seenOf(machine.nodes.get(name)));
  }

  async apply(call: Call, want: NodeWant | null): Promise<Done<NodeSeen>> {
    const seen = await this.look(call);
    if (want === null) return seen === null ? { lost: true } : await this.remove(call);
    if (!('pool' in want)) return seen === null ? null : await this.grow(call, want.grownToGib, seen);
    if (seen === null) return await this.add(call, want);
    return await this.grow(call, want.sizeGib, seen);
  }

  async undo(call: Call, want: NodeWant | null, before: NodeSeen | null): Promise<Done<NodeSeen>> {
    const seen = await this.look(call);
    if (before !== null || want === null || !('pool' in want)) return seen;
    if (seen === null) return { lost: true };
    return await this.remove(call);
  }

  *list(): Iterable<readonly [string, NodeSeen]> {
    for (const machine of this.world.machines)
      for (const [name, node] of machine.nodes) yield [`${machine.id}/${name}`, seenOf(node)!];
  }

  /** QEMU opens the image with a client of its own; while Ceph is silent, its whole monitor waits. */
  private async add(call: Call, { pool, image }: { pool: string; image: string }): Promise<NodeSeen> {
    const { machine, name } = this.at(call);
    const { ceph } = this.world;
    if (ceph.silent !== null)
      throw new HeldError('Ceph does not answer', { reason: 'ceph-silent', retryAfterMs: ASK_AGAIN_MS });
    const key = `${pool}/${image}`;
    const added = await this.command(call, 'blockdev-add', true, async () => {
      while (ceph.silent !== null) await ceph.silent;
      const stored = ceph.images.get(key);
      if (stored?.state !== 'open' || machine.nodes.has(name)) return null;
      const address = machine.newAddress();
      const node: StoredNode = { pool, image, sizeBytes: stored.sizeBytes, address };
      machine.nodes.set(name, node);
      machine.touched.add(name);
      this.world.guests.opens(address, key);
      ceph.watch(key, address);
      return node;
    });
    if (added === null) throw new BusyError('QEMU refused to open the image', { reason: 'qmp-refused' });
    return seenOf(added)!;
  }

  /** `block_resize` sets the image to whatever it is told, and shrinks without asking: so its true size is looked at. */
  private async grow(call: Call, sizeGib: number, seen: NodeSeen): Promise<NodeSeen> {
    const { machine, name } = this.at(call);
    const { ceph } = this.world;
    if (seen.sizeBytes >= sizeGib * GIB) return seen;
    const key = `${seen.pool}/${seen.image}`;
    const bytes = await this.command(
      call,
      'blockdev-add to look',
      false,
      () => ceph.images.get(key)?.sizeBytes ?? 0,
    );
    if (bytes < sizeGib * GIB) throw new RejectedError('the image is smaller', { reason: 'image-smaller' });
    const grown = await this.command(call, 'block_resize', true, () => {
      const node = machine.nodes.get(name);
      const image = ceph.images.get(key);
      if (node === undefined || image === undefined) return null;
      ceph.put(key, { ...image, sizeBytes: bytes });
      machine.nodes.set(name, { ...node, sizeBytes: bytes });
      machine.touched.add(name);
      return { ...seen, sizeBytes: bytes };
    });
    if (grown === null) throw new BusyError('QEMU refused to grow a node', { reason: 'qmp-refused' });
    return grown;
  }

  private async remove(call: Call): Promise<null> {
    const { machine, name } = this.at(call);
    const { ceph } = this.world;
    const isUsed = await this.command(call, 'query-block', false, () => machine.devices.has(name));
    if (isUsed) throw new BusyError('a device still uses the node', { reason: 'node-in-use' });
    await this.command(call, 'blockdev-del', true, () => {
      const node = machine.nodes.get(name);
      if (node === undefined || machine.devices.has(name)) return;
      machine.nodes.delete(name);
      machine.touched.add(name);
      ceph.unwatch(`${node.pool}/${node.image}`, node.address);
    });
    return null;
  }
}

class DeviceProtocol extends AtMonitor implements Protocol<DeviceWant, DeviceSeen> {
  readonly facet = qemuDevice;

  pointOf({ want }: { want: unknown }, undoes: boolean) {
    return want === null || undoes ? 'device-remove' : 'device-add';
  }

  look(call: Call): Promise<DeviceSeen | null> {
    const { machine, name } = this.at(call);
    return this.command(call, 'query-block', false, () => machine.devices.get(name) ?? null);
  }

  async apply(call: Call, want: DeviceWant | null) {
    return want === null ? await this.unplug(call) : await this.plug(call);
  }

  async undo(call: Call, want: DeviceWant | null, before: DeviceSeen | null) {
    return want === null || before !== null ? await this.look(call) : await this.unplug(call);
  }

  *list(): Iterable<readonly [string, DeviceSeen]> {
    for (const machine of this.world.machines)
      for (const [name, device] of machine.devices) yield [`${machine.id}/${name}`, device];
  }

  private async plug(call: Call): Promise<DeviceSeen | { readonly waitMs: number }> {
    const { machine, name } = this.at(call);
    const there = await this.look(call);
    if (there?.state === 'plugged') return there;
    if (there !== null) {
      const left = await this.unplug(call);
      if (left !== null) return left;
    }
    if (!(await this.command(call, 'query-blockstats', false, () => machine.nodes.has(name)))) {
      // Only a VM that was started anew in between has lost it.
      if (machine.lives > 1) this.world.refusedAt(call.place.key);
      throw new RejectedError('no node for the device', { reason: 'node-missing' });
    }
    const plugged = await this.command(call, 'device_add', true, (): DeviceSeen | null => {
      if (!machine.nodes.has(name) || machine.devices.has(name)) return null;
      machine.devices.set(name, { node: name, state: 'plugged' });
      machine.touched.add(name);
      this.world.guests.begin(machine, name);
      return { node: name, state: 'plugged' };
    });
    if (plugged === null) throw new BusyError('QEMU refused to plug the disk in', { reason: 'qmp-refused' });
    return plugged;
  }

  private async unplug(call: Call): Promise<null | { readonly waitMs: number }> {
    const { machine, name } = this.at(call);
    const { pool } = this.world;
    if ((await this.look(call)) === null) return null;
    await this.command(call, 'device_del', true, () => machine.beginUnplugging(name));
    for (let waitedMs = 0; waitedMs < UNPLUG_MS; waitedMs += LOOK_EVERY_MS) {
      if ((await this.look(call)) === null) return null;
      await pool.wait(LOOK_EVERY_MS, {
        owner: this.process,
        what: 'waits for the guest',
        about: call.place.key,
      });
    }
    return { waitMs: ASK_AGAIN_MS };
  }
}

function seenOf(node: StoredNode | undefined): NodeSeen | null {
  return node === undefined ? null : { pool: node.pool, image: node.image, sizeBytes: node.sizeBytes };
}
