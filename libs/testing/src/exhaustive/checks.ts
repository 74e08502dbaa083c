import { GIB, imageKeyOf } from '@plumbline/ceph-facets';
import type { ActionRecord, Lane, LaneEntry, VolumeId, VolumeRecord } from '@plumbline/domain';
import { suspicionsOf } from '@plumbline/engine';
import { createJournal } from '@plumbline/registry';
import type { Kv } from '@plumbline/registry';
import { parseDiskKey } from '@plumbline/qemu-facets';
import { parsed } from '../kv/parsed.js';
import type { Ground } from './ground.js';

/** What must hold of one volume after every event; each answer begins with the invariant's id. */
export class Checks {
  private before: VolumeRecord | null = null;
  private head: LaneEntry | null = null;
  private committed: ReadonlySet<string> = new Set();
  private nonces: ReadonlySet<string> = new Set();

  constructor(private readonly ground: Ground) {}

  /** The same of a run that goes on by itself. */
  copy(ground: Ground): Checks {
    const copy = new Checks(ground);
    copy.before = this.before;
    copy.head = this.head;
    copy.committed = this.committed;
    copy.nonces = this.nonces;
    return copy;
  }

  wrong(): string | null {
    const { ground } = this;
    const { lane, record } = ground;
    const found =
      ground.mistakes[0] ??
      this.fenced() ??
      this.promised(lane) ??
      this.turn(lane) ??
      this.committing(lane, record) ??
      this.image(lane, record) ??
      this.disks(lane, record);
    this.before = record;
    this.head = lane?.entries[0] ?? null;
    return found;
  }

  /** C3: whoever is not alive any more by the registry's word writes nothing there. */
  private fenced(): string | null {
    for (const { by, bootStood, landed } of this.ground.writes)
      if (!bootStood && landed) return `C3: a write of ${by.name} landed although its boot was fenced`;
    return null;
  }

  private promised(lane: Lane | null): string | null {
    for (const [intent, action] of this.ground.promised) {
      const stored = this.ground.store.get(action);
      if (stored === null) return `R1: the action of intent ${intent} is lost`;
      const { status } = parsed(stored.value) as ActionRecord;
      const entries = lane?.entries.filter((entry) => entry.intent === intent) ?? [];
      const isPending = entries.some(({ committed }) => committed === null);
      if (isPending !== (status === 'in-progress'))
        return `R1: intent ${intent} is ${status}, and in the lane: ${isPending}`;
    }
    return null;
  }

  private turn(lane: Lane | null): string | null {
    const now = lane?.entries[0];
    if (now === undefined) return null;
    if (now.parked !== null) return `A1: parked, ${now.parked.reason}: ${now.parked.detail}`;
    if (now.undoing !== null) return `C5: undone: ${now.undoing}`;
    const before = this.head?.intent === now.intent ? this.head : null;
    if (before !== null && now.turns < before.turns) return 'C2: turns went back';
    if (now.attempt === null || now.attempt.nonce === before?.attempt?.nonce) return null;
    if (this.nonces.has(now.attempt.nonce)) return 'C2: an attempt came back';
    if (before !== null && now.turns === before.turns) return 'C2: two attempts in one turn';
    this.nonces = new Set(this.nonces).add(now.attempt.nonce);
    return null;
  }

  private committing(lane: Lane | null, now: VolumeRecord | null): string | null {
    const { before } = this;
    if (before?.rev === now?.rev) return null;
    const { intent } = this.head ?? { intent: '' };
    if (this.committed.has(intent)) return `C5: intent ${intent} took effect twice`;
    this.committed = new Set(this.committed).add(intent);
    if (before !== null && now !== null && now.rev !== before.rev + 1)
      return `V2: from rev ${before.rev} to ${now.rev}`;
    if (before !== null && now !== null && now.sizeGib < before.sizeGib) return 'V5: the record shrank';
    const { layout, store } = this.ground;
    if (now === null && before !== null && store.get(layout.tombstone(before.id)) === null)
      return 'V7: a volume is gone without a tombstone';
    return lane?.entries[0]?.intent === intent && lane.entries[0].committed === null
      ? 'R1: committed, and pending'
      : null;
  }

  private image(lane: Lane | null, record: VolumeRecord | null): string | null {
    // What is to be repaired is in the trash until that is done.
    if (record === null || lane?.entries[0]?.kind === 'repair-image') return null;
    const { images, trash } = this.ground.sources;
    const key = imageKeyOf(record.region, record.id);
    const image = images.get(key);
    if (image === undefined && trash.has(key)) return 'V3: the image is in the trash while a record names it';
    if (image?.state !== 'open' || image.imageId !== record.imageId)
      return `V1: the record implies an image, and there is ${JSON.stringify(image ?? null)}`;
    return image.sizeBytes < record.sizeGib * GIB ? 'V5: the record says more than the image has' : null;
  }

  private disks(lane: Lane | null, record: VolumeRecord | null): string | null {
    const { devices, nodes, images } = this.ground.sources;
    const claim = lane?.entries[0]?.params as { vm?: number } | undefined;
    for (const key of [...devices.keys(), ...nodes.keys()]) {
      const { vm } = parseDiskKey(key);
      if (record?.attachment?.vm !== vm && claim?.vm !== vm)
        return `V4: a disk in VM ${vm} that nobody claims`;
    }
    const isRepaired = lane?.entries[0]?.kind === 'repair-image';
    for (const node of isRepaired ? [] : nodes.values())
      if (node.sizeBytes > (images.get(`${node.pool}/${node.image}`)?.sizeBytes ?? 0))
        return 'V5: the VM sees more than the image has';
    const address = record?.attachment?.address;
    if (
      lane === null &&
      address !== undefined &&
      ![...nodes.values()].some((node) => node.address === address)
    )
      return 'V4: nobody knows the client of the VM that has the volume';
    return null;
  }
}

/** A1: what the scrubber would find. */
export async function disagreement({ store, layout, sources }: Ground): Promise<string | null> {
  const kv: Kv = {
    transact: () => Promise.reject(new TypeError('only looked at')),
    read: (keys) => Promise.resolve(keys.map((key) => store.get(key))),
    readTrees: (prefixes) => Promise.resolve(prefixes.map((prefix) => store.tree(prefix))),
    keys: (prefix) => Promise.resolve(store.keys(prefix)),
    folders: (prefix) => Promise.resolve(store.folders(prefix)),
  };
  const journal = createJournal({ kv, layout, nonce: () => '' });
  const ports = {
    async *volumeIds() {
      yield* store.keys(layout.owners).map((key) => key.slice(-36) as VolumeId);
    },
    read: (resources: readonly Lane['resource'][]) => Promise.all(resources.map((one) => journal.read(one))),
    sources: [...sources.backendsOf('ceph').values(), ...sources.backendsOf('qemu').values()],
    unknown: (_facet: string, error: unknown) => {
      throw error;
    },
    unasked: () => undefined,
  };
  // What is nobody's, such as what was released, is compared with how it ends undisturbed.
  for await (const item of suspicionsOf(ports, new AbortController().signal))
    if (!('looked' in item) && item.volume !== null)
      return `A1: ${item.facet} is ${item.class}: ${JSON.stringify(item.seen)}`;
  return null;
}
