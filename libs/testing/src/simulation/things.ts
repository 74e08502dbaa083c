import { GIB, imageKeyOf } from '@plumbline/ceph-facets';
import type { VolumeId, VolumeRecord } from '@plumbline/domain';
import type { StoredImage } from './ceph.js';
import { broken } from './judgement.js';
import type { Judgement } from './judgement.js';
import type { Change } from './register.js';
import { REGION } from './where.js';
import type { Mistake, World } from './world.js';

/** V1, V3 to V5, V7: what records say of images and disks is so, at every instant. */
export class Things implements Judgement {
  private readonly images = new Map<string, StoredImage>();

  constructor(private readonly world: World) {}

  judge(changes: readonly Change[]): Mistake | null {
    const { ceph, machines } = this.world;
    const isTouched = ceph.touched.size > 0 || machines.some(({ touched }) => touched.size > 0);
    if (!isTouched && changes.length === 0) return null;
    const ids = new Set<string>();
    for (const { what, key } of changes) if (what === 'volumes' || what === 'lanes') ids.add(key.slice(-36));
    for (const key of ceph.touched) {
      ids.add(key.slice(-36));
      const found = this.image(key);
      if (found !== null) return found;
    }
    ceph.touched.clear();
    for (const { id, touched } of machines) {
      for (const name of touched) ids.add(this.world.volumeOf(`${id}/${name}`));
      touched.clear();
    }
    for (const id of ids) {
      // At whose things somebody was by hand, of that nothing is promised but that it is found, and ends well.
      if (this.world.drifted.has(id)) continue;
      const found = this.volume(id) ?? this.disks(id) ?? this.atRest(id);
      if (found !== null) return found;
    }
    return null;
  }

  private image(key: string): Mistake | null {
    const { images, trash } = this.world.ceph;
    const resource = `volume/${key.slice(-36)}`;
    const before = this.images.get(key);
    const now = images.get(key);
    if (now === undefined) this.images.delete(key);
    else this.images.set(key, now);
    if (now === undefined || before === undefined || now.imageId !== before.imageId)
      return now?.state === 'open' &&
        trash.has(key) &&
        trash.get(key)?.imageId !== now.imageId &&
        !this.world.drifted.has(key.slice(-36))
        ? broken('V7', 'a name in the trash was used again', resource)
        : null;
    if (now.sizeBytes < before.sizeBytes && !this.world.drifted.has(key.slice(-36)))
      return broken(
        'V5',
        `the image shrank from ${before.sizeBytes / GIB} to ${now.sizeBytes / GIB} GiB`,
        resource,
      );
    return null;
  }

  private volume(id: string): Mistake | null {
    const { images, trash, watching } = this.ceph();
    const resource = `volume/${id}`;
    const key = imageKeyOf(REGION, id as VolumeId);
    const image = images.get(key);
    if (image?.state !== 'open' && trash.has(key) && watching(key).length > 0)
      return broken('V3', 'the image was trashed while a VM has it open', resource);
    const record = this.world.register.records.get(resource);
    if (record === undefined) return null;
    if (image?.state !== 'open' && trash.has(key))
      return broken('V3', 'the image is in the trash while a record names it', resource);
    return this.implied(record, image);
  }

  private implied(record: VolumeRecord, image: StoredImage | undefined): Mistake | null {
    const resource = `volume/${record.id}`;
    if (image === undefined || image.state !== 'open' || image.imageId !== record.imageId)
      return broken(
        'V1',
        `the record implies an image, and there is ${JSON.stringify(image ?? null)}`,
        resource,
      );
    if (image.sizeBytes < record.sizeGib * GIB)
      return broken(
        'V5',
        `the record says ${record.sizeGib} GiB, the image has ${image.sizeBytes / GIB}`,
        resource,
      );
    return null;
  }

  /** V4: at most one device, and it is where the record or the claiming intent says. */
  private disks(id: string): Mistake | null {
    const { machines, register, ceph } = this.world;
    const resource = `volume/${id}`;
    const has: number[] = [];
    for (const machine of machines)
      for (const [name, node] of machine.nodes) {
        // A client that is fenced writes nothing, whatever still stands in its VM.
        if (this.world.volumeOf(`${machine.id}/${name}`) !== id || ceph.isFenced(node.address)) continue;
        has.push(machine.id);
        const attachment = register.records.get(resource)?.attachment ?? null;
        const isAnother = attachment?.vm === machine.id && attachment.address !== node.address;
        // What is attached again is another client, which the record names when that is done.
        if (isAnother && register.lanes.get(resource)?.entries[0]?.kind !== 'repair-disk')
          return broken(
            'V4',
            `the record names client ${attachment?.address}, the VM’s is ${node.address}`,
            resource,
          );
        const image = ceph.images.get(`${node.pool}/${node.image}`);
        if (image !== undefined && node.sizeBytes > image.sizeBytes)
          return broken('V5', 'the VM sees more than the image has', resource);
      }
    if (has.length > 1) return broken('V4', `the image is open in VMs ${has.join(' and ')}`, resource);
    const [vm] = has;
    if (vm === undefined) return null;
    const claim = register.lanes.get(resource)?.entries[0]?.params as { vm?: number } | undefined;
    if (register.records.get(resource)?.attachment?.vm === vm || claim?.vm === vm) return null;
    return broken('V4', `a disk in VM ${vm} that nobody claims`, resource);
  }

  /** A1, where nothing has been begun: what is attached is there, unless its VM was started anew and so has lost it. */
  private atRest(id: string): Mistake | null {
    const { machines, register } = this.world;
    const resource = `volume/${id}`;
    const vm = register.records.get(resource)?.attachment?.vm;
    const machine = machines.find((one) => one.id === vm);
    const head = register.lanes.get(resource)?.entries[0];
    if (machine === undefined || machine.lives > 1 || (head !== undefined && head.turns > 0)) return null;
    const isThere = (name: string): boolean => this.world.volumeOf(`${machine.id}/${name}`) === id;
    if ([...machine.nodes.keys()].some(isThere) && [...machine.devices.keys()].some(isThere)) return null;
    return broken('A1', `VM ${machine.id} has not got the disk that the record says it has`, resource);
  }

  private ceph() {
    const { ceph } = this.world;
    return { images: ceph.images, trash: ceph.trash, watching: (key: string) => ceph.watching(key) };
  }
}
