import type { RadosClient } from './ceph.js';
import type { Machine, StoredNode } from './machine.js';
import { SeededRandom } from './random.js';
import type { World } from './world.js';

/** For how long a guest leaves a disk alone at most. */
const QUIET_MS = 5_000;
/** Of what a QEMU had sent to a disk when it was killed, how much arrives, and how much later. */
const SENT = 8;
const ARRIVES_SHARE = 0.6;
const LATE_MS = 25_000;

/** A block node's own client, in the order in which they opened the image. */
interface Writer extends RadosClient {
  readonly image: string;
  readonly order: number;
}

/**
 * What guests write to their disks, through the client that a block node is. Nobody asks them to, and nobody can stop a
 * QEMU that slept, or a write that is under way, but the fence of its client.
 */
export class Guests {
  private opened = 0;
  /** By address. */
  private readonly writers = new Map<string, Writer>();
  /** The youngest that has written, by image. */
  private readonly newest = new Map<string, number>();
  private readonly random: SeededRandom;

  constructor(private readonly world: World) {
    this.random = SeededRandom.of(world.seed, 'guests');
  }

  /** A node opens an image: its client begins with the newest map. */
  opens(address: string, image: string): void {
    const epoch = this.world.ceph.newestEpoch;
    this.writers.set(address, { address, image, epoch, order: (this.opened += 1) });
  }

  /** A disk is plugged in: from now on its guest writes to it. */
  begin(machine: Machine, name: string): void {
    const node = machine.nodes.get(name);
    if (node === undefined) return;
    this.expectAlone(node);
    this.goOn(machine, name, node.address);
  }

  /** A QEMU is killed: some of what it has sent is still under way. */
  died(address: string): void {
    const label = { owner: null, what: `what ${address} had sent arrives` };
    for (let sent = 0; sent < SENT; sent += 1)
      if (this.random.chance(ARRIVES_SHARE))
        this.world.pool.after(this.random.between(1, LATE_MS), label, () => void this.write(address));
  }

  /** V4: the guest of an older attachment never writes after the first write of a newer one. */
  async write(address: string): Promise<boolean> {
    const { ceph, faults } = this.world;
    const writer = this.writers.get(address);
    if (writer === undefined) return false;
    while (ceph.silent !== null) await ceph.silent;
    const { image, order, epoch } = writer;
    if (!ceph.admits(writer, image, epoch)) {
      faults.see('guest-fenced');
      return false;
    }
    ceph.answer(writer, image);
    faults.see('guest-wrote');
    const newest = this.newest.get(image) ?? 0;
    this.newest.set(image, Math.max(newest, order));
    if (order >= newest) return true;
    const resource = `volume/${this.world.volumeOf(image)}`;
    this.world.mistake('V4', `${address} wrote after a newer attachment had written`, resource);
    return true;
  }

  /** V4: between the node and its disk somebody looks who has the image open, and sees whoever had it before. */
  private expectAlone({ address, image, pool }: StoredNode): void {
    const watching = this.world.ceph.watching(`${pool}/${image}`);
    const [first = address] = watching;
    if (first === address || !watching.includes(address)) return;
    const resource = `volume/${this.world.volumeOf(`${pool}/${image}`)}`;
    this.world.mistake('V4', `a disk is plugged in although ${first} has its image open`, resource);
  }

  private goOn(machine: Machine, name: string, address: string): void {
    const label = { owner: null, what: `vm-${machine.id} writes`, about: name };
    this.world.pool.after(this.random.between(1, QUIET_MS), label, () => {
      void this.turn(machine, name, address);
    });
  }

  private async turn(machine: Machine, name: string, address: string): Promise<void> {
    await machine.untilAwake();
    const isPlugged = machine.devices.has(name) && machine.nodes.get(name)?.address === address;
    if (isPlugged && (await this.write(address))) this.goOn(machine, name, address);
  }
}
