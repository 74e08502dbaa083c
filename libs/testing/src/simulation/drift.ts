import { GIB, foreignImageKeyOf, imageKeyOf } from '@plumbline/ceph-facets';
import { imageNameOf, nodeNameOf, poolOf } from '@plumbline/domain';
import type { VolumeId, VolumeRecord } from '@plumbline/domain';
import type { Drift } from './drifts.js';
import type { SeededRandom } from './random.js';
import { SCRUBBED } from './truth.js';
import { REGION } from './where.js';
import type { World } from './world.js';

const BRAKED_MS = 25_000;
type Spoiling = Exclude<Drift, 'brake-put-on'>;
/** Whose things of a volume somebody has laid hands on. */
const SPOILT: Readonly<Record<Spoiling, string>> = {
  'image-removed': 'ceph',
  'image-trashed-by-hand': 'ceph',
  'image-shrunk': 'ceph',
  'image-swapped': 'ceph',
  'image-renamed': 'ceph',
  'image-left-over': 'ceph',
  'image-of-stranger': 'ceph',
  'disk-pulled': 'qemu',
  'disk-astray': 'qemu',
  'bill-lost': 'billing',
  'bill-left': 'billing',
  'name-held-besides': 'registry',
  'name-taken-away': 'registry',
  'slot-freed': 'registry',
};

/** Somebody's hand at one thing: each is a fault that the scrubber has to find, and to end as its remedy says. */
export class Hand {
  constructor(
    private readonly world: World,
    private readonly random: SeededRandom,
  ) {}

  /** False: there is nothing that it could be done to. */
  plants(kind: Drift): boolean {
    switch (kind) {
      case 'brake-put-on':
        return this.brake();
      case 'image-left-over':
      case 'image-of-stranger':
      case 'bill-left':
        return this.atGone(kind);
      default:
        return this.atLiving(kind);
    }
  }

  /** To a volume that stands, and that nobody works on. */
  private atLiving(kind: Spoiling): boolean {
    const { lanes, records } = this.world.register;
    const isDisk = kind === 'disk-pulled' || kind === 'disk-astray' || kind === 'slot-freed';
    const idle = [...records].filter(
      ([resource, { attachment }]) => !lanes.has(resource) && (!isDisk || attachment !== null),
    );
    if (idle.length === 0) return false;
    const [, record] = this.random.pick(idle);
    if (!this.doneTo(record, kind)) return false;
    this.touched(record.id, kind);
    return true;
  }

  private doneTo(record: VolumeRecord, kind: Spoiling): boolean {
    const { billing, ceph } = this.world;
    const { attachment, id } = record;
    const key = imageKeyOf(REGION, id);
    const image = ceph.images.get(key);
    if (kind === 'bill-lost') return this.unbilled(id, billing.loseNewest(id));
    if (kind === 'name-held-besides') return this.holdName(record);
    if (kind === 'name-taken-away') return this.takeName(record);
    if (kind === 'slot-freed') return this.freeSlot(record);
    if (kind === 'disk-pulled') return this.pull(record);
    if (kind === 'disk-astray') return this.plugAstray(record);
    // By hand nothing can be taken that a VM has open: Ceph itself refuses that.
    if (image?.state !== 'open' || attachment !== null || ceph.watching(key).length > 0) return false;
    if (kind === 'image-renamed') {
      ceph.rename(key, foreignImageKeyOf(REGION, `renamed-${id}`));
      return true;
    }
    if (kind === 'image-trashed-by-hand') ceph.toTrash(key, image);
    if (kind === 'image-shrunk') ceph.put(key, { ...image, sizeBytes: image.sizeBytes - GIB / 2 });
    else if (kind === 'image-swapped') ceph.put(key, { ...image, imageId: ceph.newImageId() });
    else ceph.put(key, null);
    return true;
  }

  /** Behind the tombstone of a volume that is gone. */
  private atGone(kind: Spoiling): boolean {
    const { billing, ceph, register } = this.world;
    const gone = [...register.tombstones.values()].filter(
      ({ id }) => !register.lanes.has(`volume/${id}`) && !ceph.images.has(imageKeyOf(REGION, id)),
    );
    if (gone.length === 0) return false;
    const { id, imageId } = this.random.pick(gone);
    const key = imageKeyOf(REGION, id);
    if (kind === 'bill-left') {
      if (billing.subscriptionOf(id) !== null || !this.unbilled(id, billing.loseNewest(id))) return false;
    } else if (kind === 'image-of-stranger')
      ceph.put(key, { imageId: ceph.newImageId(), sizeBytes: GIB, state: 'open' });
    else {
      const trashed = ceph.trash.get(key);
      if (trashed === undefined || trashed.imageId !== imageId) return false;
      ceph.trash.delete(key);
      ceph.put(key, trashed);
    }
    this.touched(id, kind);
    return true;
  }

  private pull({ attachment, id }: VolumeRecord): boolean {
    const machine = this.world.machines.find((one) => one.id === attachment?.vm);
    const name = nodeNameOf(id);
    const node = machine?.nodes.get(name);
    if (machine === undefined || node === undefined) return false;
    machine.devices.delete(name);
    // Sometimes the disk alone, and its node stays.
    if (this.random.chance(0.5)) {
      machine.nodes.delete(name);
      this.world.ceph.unwatch(`${node.pool}/${node.image}`, node.address);
    }
    machine.touched.add(name);
    return true;
  }

  /** Into a VM that the record does not name. */
  private plugAstray({ attachment, id }: VolumeRecord): boolean {
    const { ceph, machines } = this.world;
    const machine = this.random.pick(machines.filter((one) => one.id !== attachment?.vm));
    const [name, key] = [nodeNameOf(id), imageKeyOf(REGION, id)];
    const image = ceph.images.get(key);
    if (image?.state !== 'open' || machine.nodes.has(name)) return false;
    const address = machine.newAddress();
    const { sizeBytes } = image;
    machine.nodes.set(name, { pool: poolOf(REGION), image: imageNameOf(id), sizeBytes, address });
    machine.devices.set(name, { node: name, state: 'plugged' });
    machine.touched.add(name);
    ceph.watch(key, address);
    return true;
  }

  /** One that no customer of this world asks for. */
  private holdName({ account, id, region }: VolumeRecord): boolean {
    const { consul, layout } = this.world;
    const key = layout.name({ account, region, kind: 'volume', name: 'by-hand' });
    if (consul.store.get(key) !== null) return false;
    consul.store.transact([{ verb: 'set', key, value: id }]);
    return true;
  }

  /** Until it has it again, another may be made of that name. */
  private takeName({ account, id, name, region }: VolumeRecord): boolean {
    const { consul, layout, unnamed } = this.world;
    const key = layout.name({ account, region, kind: 'volume', name });
    if (consul.store.get(key)?.value !== id) return false;
    consul.store.transact([{ verb: 'delete', key }]);
    unnamed.add(id);
    return true;
  }

  private freeSlot({ attachment, id }: VolumeRecord): boolean {
    const { consul, layout, register } = this.world;
    const vm = [...register.vms.values()].find((one) => one.id === attachment?.vm);
    if (vm?.slots[id] === undefined) return false;
    const { [id]: _mine, ...slots } = vm.slots;
    consul.store.transact([{ verb: 'set', key: layout.vm(vm.id), value: JSON.stringify({ ...vm, slots }) }]);
    return true;
  }

  private unbilled(id: VolumeId, isDone: boolean): boolean {
    if (isDone) this.world.misbilled.add(id);
    return isDone;
  }

  /** An operator who wants to look first. */
  private brake(): boolean {
    const { world } = this;
    const { name } = this.random.pick(SCRUBBED);
    const key = world.layout.scrubBrake(name);
    const brake = { facet: name, why: 'share', at: world.instantMs, wrong: 0, of: 0 };
    world.consul.store.transact([{ verb: 'set', key, value: JSON.stringify(brake) }]);
    const release = (): void => {
      if (world.rewind?.isBegun !== true) world.consul.store.transact([{ verb: 'delete', key }]);
    };
    world.pool.after(this.random.between(1, BRAKED_MS), { owner: null, what: 'a brake is let go' }, release);
    return true;
  }

  private touched(id: VolumeId, kind: Spoiling): void {
    const { causes, drifted, pool, refusedKeys } = this.world;
    drifted.add(id);
    causes.plant(id, SPOILT[kind]);
    refusedKeys.add(id);
    pool.note('somebody', kind, `volume/${id}`);
  }
}
