import { GIB, imageKeyOf } from '@plumbline/ceph-facets';
import type { AccountId, Lane, LaneEntry, Usage, VmRecord, VolumeRecord } from '@plumbline/domain';
import { volumeIdOf } from '@plumbline/domain';
import { footprintOf } from '@plumbline/engine';
import { parseDiskKey, volumeOfDiskKey } from '@plumbline/qemu-facets';
import { ACCOUNTS, REGION } from './world.js';
import type { World } from './world.js';

export interface Violation {
  readonly invariant: string;
  readonly detail: string;
  /** The resource whose timeline shows how it came to this; empty: none in particular. */
  readonly about: string;
}

/** What every call says that was not answered: uncertain is to be looked into, never a reason to end. */
const NO_ANSWER = 'no answer';

interface Seen {
  readonly lanes: ReadonlyMap<string, Lane>;
  readonly records: ReadonlyMap<string, VolumeRecord>;
}

/** Nobody injects a cause for these: whoever parks so was led astray. */
const PARKING_FOR_A_CAUSE = ['rejected-after-commit', 'release-rejected', 'tries-exhausted', 'undo-failed'];

/** Looks at the stores themselves after every event, and knows what they held before it. */
export class Invariants {
  private before: Seen = { lanes: new Map(), records: new Map() };
  private readonly imageSizes = new Map<string, number>();
  private readonly turns = new Map<string, { turn: number; nonce: string | null }>();
  private readonly nonces = new Set<string>();
  private mark = '';

  constructor(private readonly world: World) {}

  /** The first invariant that does not hold. */
  broken(): Violation | null {
    const { world } = this;
    const mistake = world.mistakes[0];
    if (mistake !== undefined) return mistake;
    const fenced = this.fencedEffect();
    if (fenced !== null) return fenced;
    if (!this.changed()) return null;
    const now = this.look();
    const found =
      this.recording(now) ??
      this.carrying(now) ??
      this.volumes(now) ??
      this.devices(now) ??
      this.counters(now);
    this.before = now;
    return found;
  }

  /** Most events change nothing that can be seen from outside. */
  private changed(): boolean {
    const { writes, calls, acknowledged, refused, consul } = this.world;
    const mark = `${acknowledged.length} ${refused.size} ${consul.lateCount}`;
    const changed = writes.length > 0 || calls.length > 0 || mark !== this.mark;
    this.mark = mark;
    return changed;
  }

  private look(): Seen {
    const { world } = this;
    const lanes = world.values<Lane>(world.layout.lanes).map(({ value }) => [value.resource, value] as const);
    const records = ACCOUNTS.flatMap(({ id }) => world.values<VolumeRecord>(world.layout.volumesOf(id)));
    return {
      lanes: new Map(lanes),
      records: new Map(records.map(({ value }) => [`volume/${value.id}`, value])),
    };
  }

  /** C3, C4: whoever is not alive any more by the registry's word changes nothing. */
  private fencedEffect(): Violation | null {
    const { world } = this;
    for (const { by, ops, bootStood } of world.writes) {
      if (bootStood) continue;
      for (const op of ops) {
        if (op.verb !== 'cas' || !/\/(lanes|volumes)\//.test(op.key)) continue;
        const entry = world.consul.store.get(op.key);
        if (entry !== null && entry.value === op.value && entry.index > op.index)
          return broken('C3', `a write of ${by.name} landed although its boot was fenced`, op.key.slice(-43));
      }
    }
    for (const { by, source, key, changed } of world.calls) {
      if (!changed || source !== 'ceph') continue;
      const resource = `volume/${key.slice(-36)}`;
      const lane = world.consul.store.get(world.layout.lane(resource as Lane['resource']));
      const attempt = lane === null ? null : ((JSON.parse(lane.value) as Lane).entries[0]?.attempt ?? null);
      if (attempt?.boot !== by.boot)
        return broken('C4', `${by.name} changed ${key} without holding the turn`, resource);
    }
    return null;
  }

  private recording({ lanes }: Seen): Violation | null {
    const { world } = this;
    for (const { intent, resource, account, action } of world.acknowledged) {
      const entries = lanes.get(resource)?.entries.filter((entry) => entry.intent === intent) ?? [];
      const stored = world.consul.store.get(world.layout.action(account, action));
      if (stored === null) return broken('R1', `the action of intent ${intent} is lost`, resource);
      const isEnded = !stored.value.includes('"status":"in-progress"');
      if (stored.value.includes(NO_ANSWER))
        return broken('C5', `intent ${intent} was given up for an answer that did not come`, resource);
      if (entries.length > 1) return broken('R1', `intent ${intent} is in its lane twice`, resource);
      const [entry] = entries;
      if (entry === undefined && !isEnded) return broken('R1', `intent ${intent} is lost`, resource);
      if (entry !== undefined && isEnded && entry.committed === null)
        return broken('R1', `intent ${intent} is pending and settled`, resource);
    }
    for (const lane of lanes.values())
      for (const { intent } of lane.entries)
        if (world.refused.has(intent))
          return broken('R2', `intent ${intent} was refused and is carried out`, lane.resource);
    return null;
  }

  private carrying({ lanes }: Seen): Violation | null {
    for (const [resource, { entries }] of lanes) {
      const found = this.lane(resource, entries, this.before.lanes.get(resource)?.entries ?? []);
      if (found !== null) return found;
    }
    return null;
  }

  private lane(
    resource: string,
    entries: readonly LaneEntry[],
    before: readonly LaneEntry[],
  ): Violation | null {
    const isTouched = (entry: LaneEntry): boolean =>
      entry.attempt !== null || entry.ledger.length > 0 || entry.plan !== null || entry.turns > 0;
    if (entries.slice(1).some(isTouched))
      return broken('C1', 'an intent behind the head was begun', resource);
    const intents = entries.map(({ intent }) => intent);
    const kept = before.map(({ intent }) => intent);
    const head = kept.indexOf(intents[0]!);
    const rest = head < 0 ? [] : kept.slice(head);
    if (rest.some((intent, at) => intents[at] !== intent))
      return broken('C1', 'the order in which intents were recorded has changed', resource);
    const { intent, attempt, turns, parked } = entries[0]!;
    if (parked !== null && !PARKING_FOR_A_CAUSE.includes(parked.reason))
      return broken('parking', `intent ${intent} is parked: ${parked.reason}, ${parked.detail}`, resource);
    const known = this.turns.get(intent) ?? { turn: 0, nonce: null };
    const nonce = attempt?.nonce ?? null;
    if (turns < known.turn) return broken('C2', `turns of intent ${intent} went back`, resource);
    if (nonce !== null && nonce !== known.nonce) {
      if (this.nonces.has(nonce)) return broken('C2', `an attempt of intent ${intent} came back`, resource);
      if (turns === known.turn) return broken('C2', `two attempts of intent ${intent} in one turn`, resource);
      this.nonces.add(nonce);
    }
    this.turns.set(intent, { turn: turns, nonce });
    return null;
  }

  private volumes({ records, lanes }: Seen): Violation | null {
    const { images, trash } = this.world.sources;
    for (const [resource, record] of records) {
      const key = imageKeyOf(REGION, record.id);
      const image = images.get(key);
      if (image === undefined && trash.has(key))
        return broken('V3', 'the image is in the trash while a record names it', resource);
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
      const before = this.before.records.get(resource);
      if (before !== undefined && record.sizeGib < before.sizeGib)
        return broken('V5', `the record shrank from ${before.sizeGib} to ${record.sizeGib} GiB`, resource);
      if (before !== undefined && record.rev < before.rev)
        return broken('V2', `the record went back from rev ${before.rev} to ${record.rev}`, resource);
    }
    for (const [key, { sizeBytes }] of images) {
      const resource = `volume/${key.slice(-36)}`;
      const least = this.imageSizes.get(key) ?? 0;
      if (sizeBytes < least && records.has(resource) && !lanes.has(resource))
        return broken('V5', 'the image shrank', resource);
      this.imageSizes.set(key, sizeBytes);
    }
    return null;
  }

  /** V4: at most one device, and it is where the record or the claiming intent says. */
  private devices({ records, lanes }: Seen): Violation | null {
    const { devices, nodes, images } = this.world.sources;
    for (const [what, places] of [
      ['device', devices],
      ['block node', nodes],
    ] as const) {
      const seen = new Map<string, number>();
      for (const key of places.keys()) {
        const resource = `volume/${volumeOfDiskKey(key) ?? key}`;
        const { vm } = parseDiskKey(key);
        const other = seen.get(resource);
        if (other !== undefined)
          return broken('V4', `a ${what} in VM ${other} and one in VM ${vm}`, resource);
        seen.set(resource, vm);
        const claim = lanes.get(resource)?.entries[0]?.params as { vm?: number } | undefined;
        if (records.get(resource)?.attachment?.vm !== vm && claim?.vm !== vm)
          return broken('V4', `a ${what} in VM ${vm} that nobody claims`, resource);
      }
    }
    for (const [key, node] of nodes) {
      const image = images.get(`${node.pool}/${node.image}`);
      if (image !== undefined && node.sizeBytes > image.sizeBytes)
        return broken('V5', 'the VM sees more than the image has', `volume/${volumeOfDiskKey(key) ?? key}`);
    }
    return null;
  }

  /** B2 and unique names: what is counted and reserved is exactly what records and lanes take up. */
  private counters({ records, lanes }: Seen): Violation | null {
    const { world } = this;
    const used = new Map<AccountId, Usage>(ACCOUNTS.map(({ id }) => [id, { volumes: 0, gib: 0 }]));
    const names = new Map<string, string>();
    const slots = new Map<string, string>();
    for (const resource of new Set([...records.keys(), ...lanes.keys()])) {
      const id = volumeIdOf(resource as Lane['resource']);
      const record = records.get(resource) ?? null;
      const lane = lanes.get(resource) ?? null;
      const account = (record ?? lane!).account;
      const takes = footprintOf(record, lane, world.rules);
      const sum = used.get(account)!;
      used.set(account, { volumes: sum.volumes + takes.volumes, gib: sum.gib + takes.gib });
      for (const { region, name } of takes.names.values()) {
        const key = world.layout.name({ account, region, kind: 'volume', name });
        if (names.has(key)) return broken('R3', `two volumes have the name ${name}`, resource);
        names.set(key, id);
      }
      for (const [vm, slot] of takes.slots) slots.set(`${vm}/${id}`, slot);
    }
    for (const { id, limits } of ACCOUNTS) {
      const sum = used.get(id)!;
      const counted = world.consul.store.get(world.layout.usage(id));
      const usage = counted === null ? { volumes: 0, gib: 0 } : (JSON.parse(counted.value) as Usage);
      if (usage.volumes !== sum.volumes || usage.gib !== sum.gib)
        return broken('B2', `counted ${JSON.stringify(usage)}, taken up ${JSON.stringify(sum)}`, '');
      if (sum.volumes > limits.volumes || sum.gib > limits.gib)
        return broken('B2', `an account uses ${JSON.stringify(sum)} of ${JSON.stringify(limits)}`, '');
    }
    const reserved = world.consul.store.tree('plumbline/names/');
    if (reserved.length !== names.size || reserved.some(({ key, value }) => names.get(key) !== value))
      return broken('R3', 'names are reserved that nobody has, or the reverse', '');
    const held = world
      .values<VmRecord>(world.layout.vms)
      .flatMap(({ value: vm }) =>
        Object.entries(vm.slots).map(([id, slot]) => [`${vm.id}/${id}`, slot] as const),
      );
    if (held.length !== slots.size || held.some(([key, slot]) => slots.get(key) !== slot))
      return broken('V4', `slots ${JSON.stringify(held)}, taken up ${JSON.stringify([...slots])}`, '');
    return null;
  }
}

function broken(invariant: string, detail: string, about: string): Violation {
  return { invariant, detail, about };
}
