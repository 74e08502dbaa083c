import type { AccountId, Lane, Usage, VolumeRecord } from '@plumbline/domain';
import { volumeIdOf } from '@plumbline/domain';
import { definitionOf, footprintOf } from '@plumbline/engine';
import type { Footprint } from '@plumbline/engine';
import { broken } from './judgement.js';
import type { Judgement } from './judgement.js';
import type { Change } from './register.js';
import { ACCOUNTS } from './world.js';
import type { Mistake, World } from './world.js';

const SHARED: ReadonlySet<string> = new Set(['usage', 'names', 'vms']);

/** What a volume takes up, and what that was told from. */
interface Taken {
  readonly account: AccountId;
  readonly record: VolumeRecord | null;
  readonly pending: string;
  readonly takes: Footprint;
}

/** B2, R3 and V4 as far as slots go: what is counted and reserved is exactly what records and lanes take up. */
export class Counting implements Judgement {
  private readonly taken = new Map<string, Taken>();
  private readonly keys = new Map<string, string>();

  constructor(private readonly world: World) {}

  judge(changes: readonly Change[]): Mistake | null {
    let isTouched = false;
    for (const { what, key } of changes)
      if (what === 'lanes' || what === 'volumes')
        isTouched = this.look(`volume/${key.slice(-36)}`) || isTouched;
      else if (SHARED.has(what)) isTouched = true;
    return isTouched ? (this.usage() ?? this.names() ?? this.slots()) : null;
  }

  /** False: what it is made of is as it was. */
  private look(resource: string): boolean {
    const { register, rules } = this.world;
    const record = register.records.get(resource) ?? null;
    const lane = register.lanes.get(resource) ?? null;
    const account = (record ?? lane)?.account;
    if (account === undefined) return this.taken.delete(resource);
    const pending = pendingOf(lane);
    const known = this.taken.get(resource);
    if (known?.record === record && known.pending === pending) return false;
    const takes = lane === null && record !== null ? atRest(record) : footprintOf(record, lane, rules);
    this.taken.set(resource, { account, record, pending, takes });
    return true;
  }

  private usage(): Mistake | null {
    const used = new Map<AccountId, Usage>();
    for (const { account, takes } of this.taken.values()) {
      const { volumes, gib } = used.get(account) ?? { volumes: 0, gib: 0 };
      used.set(account, { volumes: volumes + takes.volumes, gib: gib + takes.gib });
    }
    const least = this.wished();
    for (const { id, limits } of ACCOUNTS) {
      const sum = used.get(id) ?? { volumes: 0, gib: 0 };
      const counted = this.world.register.usage.get(id) ?? { volumes: 0, gib: 0 };
      const made = least.get(id) ?? { volumes: 0, gib: 0 };
      if (counted.volumes < made.volumes || counted.gib < made.gib)
        return broken(
          'B2',
          `counted ${JSON.stringify(counted)}, and ${JSON.stringify(made)} are there or wished for`,
        );
      if (counted.volumes !== sum.volumes || counted.gib !== sum.gib)
        return broken('B2', `counted ${JSON.stringify(counted)}, taken up ${JSON.stringify(sum)}`);
      if (sum.volumes > limits.volumes || sum.gib > limits.gib)
        return broken('B2', `an account uses ${JSON.stringify(sum)} of ${JSON.stringify(limits)}`);
    }
    return null;
  }

  /** What stands, or will if all that is pending comes true: counted here without asking the code under test. */
  private wished(): ReadonlyMap<AccountId, Usage> {
    const { records, lanes } = this.world.register;
    const wished = new Map<AccountId, Usage>();
    for (const resource of this.taken.keys()) {
      const record = records.get(resource);
      const pending = (lanes.get(resource)?.entries ?? []).filter(({ committed }) => committed === null);
      const first = record ?? pending.find(({ kind }) => brings(this.world, kind));
      if (first === undefined) continue;
      const { account } = first;
      const sizes = pending.map(({ params }) => (params as { sizeGib?: number }).sizeGib ?? 0);
      const gib = Math.max(record?.sizeGib ?? 0, ...sizes);
      const sum = wished.get(account) ?? { volumes: 0, gib: 0 };
      wished.set(account, { volumes: sum.volumes + 1, gib: sum.gib + gib });
    }
    return wished;
  }

  private names(): Mistake | null {
    const { register } = this.world;
    const names = new Map<string, string>();
    for (const [resource, { account }] of this.taken) {
      const named = this.namedAs(resource);
      if (named === null || this.world.unnamed.has(resource.slice(-36))) continue;
      const key = this.keyOfName(account, named);
      if (names.has(key)) return broken('R3', `two volumes have the name ${named.name}`, resource);
      names.set(key, volumeIdOf(resource as Lane['resource']));
    }
    const reserved = [...register.names].filter(([, id]) => !this.world.drifted.has(id));
    const had = [...names.values()].filter((id) => !this.world.drifted.has(id));
    if (reserved.length !== had.length || reserved.some(([key, id]) => names.get(key) !== id))
      return broken('R3', 'names are reserved that nobody has, or the reverse');
    return null;
  }

  /** Where a name stands never changes, and is a hash. */
  private keyOfName(account: AccountId, { region, name }: Pick<VolumeRecord, 'region' | 'name'>): string {
    const of = `${account} ${region} ${name}`;
    const key = this.keys.get(of) ?? this.world.layout.name({ account, region, kind: 'volume', name });
    this.keys.set(of, key);
    return key;
  }

  /** A volume has its name from the moment it is wished for until it is gone. */
  private namedAs(resource: string): Pick<VolumeRecord, 'region' | 'name'> | null {
    const { records, lanes } = this.world.register;
    const record = records.get(resource);
    if (record !== undefined) return { region: record.region, name: record.name };
    const create = lanes.get(resource)?.entries.find(({ kind }) => brings(this.world, kind));
    if (create === undefined) return null;
    const { region, name } = create.params as unknown as VolumeRecord;
    return { region, name };
  }

  private slots(): Mistake | null {
    const slots = new Map<string, string>();
    for (const [resource, { takes }] of this.taken) {
      const id = volumeIdOf(resource as Lane['resource']);
      // Where somebody was by hand, it must agree in the end, and not at every instant.
      if (this.world.drifted.has(id)) continue;
      for (const [vm, slot] of takes.slots) slots.set(`${vm}/${id}`, slot);
    }
    let held = 0;
    for (const { id: vm, slots: ofVm } of this.world.register.vms.values())
      for (const [id, slot] of Object.entries(ofVm)) {
        if (this.world.drifted.has(id)) continue;
        held += 1;
        if (slots.get(`${vm}/${id}`) !== slot)
          return broken('V4', `a slot of VM ${vm} is ${slot}`, `volume/${id}`);
      }
    return held === slots.size ? null : broken('V4', `slots taken up: ${JSON.stringify([...slots])}`);
  }
}

/** Whose intents are pending and how they stand: an intent is never edited, so nothing else of a lane changes what it takes up. */
function pendingOf(lane: Lane | null): string {
  let pending = '';
  for (const { intent, undoing, committed } of lane?.entries ?? [])
    pending += `${intent}${undoing === null ? '' : ' undone'}${committed === null ? '' : ' committed'} `;
  return pending;
}

/** What a volume takes up of which nothing is pending: told without asking the code under test. */
function atRest({ region, name, sizeGib, attachment }: VolumeRecord): Footprint {
  const slots = attachment === null ? [] : [[attachment.vm, 'attached'] as const];
  return { volumes: 1, gib: sizeGib, names: new Map([[name, { region, name }]]), slots: new Map(slots) };
}

/** Whether it brings its volume into being. */
function brings({ rules }: World, kind: string): boolean {
  return definitionOf(rules.catalog, kind).on === 'absent';
}
