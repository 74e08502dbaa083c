import { Refusal } from '@plumbline/domain';
import type { AccountRecord, Json, VmId, VolumeId, VolumeRecord } from '@plumbline/domain';
import { admit } from '@plumbline/engine';
import { never } from './consul-link.js';
import type { SimulatedProcess } from './process.js';
import { ACCOUNTS, HOST, REGION, VMS } from './world.js';
import type { World } from './world.js';

const KINDS = ['volume-create', 'volume-resize', 'volume-attach', 'volume-detach', 'volume-delete'] as const;
type Kind = (typeof KINDS)[number];
const SIZE_MAX_GIB = 12;
/** Why a request may have been recorded although it was not acknowledged. */
const UNKNOWN = 'outcome_unknown';

/** A volume as its customer thinks of it; deleted, it is made anew under the same name and another id. */
interface Slot {
  readonly account: AccountRecord;
  readonly name: string;
  id: VolumeId;
}

/** Customers of two accounts, who ask for anything at any time and wait for nobody. */
export class Clients {
  private readonly slots: readonly Slot[];
  readonly asked = new Map<Kind, number>();

  constructor(
    private readonly world: World,
    volumes: number,
  ) {
    this.slots = Array.from({ length: volumes }, (_, at) => ({
      account: ACCOUNTS[at % ACCOUNTS.length]!,
      name: `disk-${at % (volumes - 1)}`,
      id: world.random.uuid() as VolumeId,
    }));
  }

  /** Spreads requests over that time; the first are creates, so that there is something to ask for. */
  begin(requests: number, withinMs: number): void {
    const { pool, random } = this.world;
    for (let at = 0; at < requests; at += 1) {
      const slot = this.slots[at % this.slots.length]!;
      const first = at < this.slots.length;
      const delayMs = first ? random.between(0, withinMs / 10) : random.between(withinMs / 20, withinMs);
      pool.after(delayMs, { owner: null, what: 'a client asks' }, () =>
        this.ask(first ? slot : random.pick(this.slots), first ? 'volume-create' : this.kind()),
      );
    }
  }

  private kind(): Kind {
    const { random } = this.world;
    return random.chance(0.2) ? 'volume-attach' : random.pick(KINDS);
  }

  private ask(slot: Slot, kind: Kind): void {
    const { world } = this;
    const apis = world.alive('api');
    if (apis.length === 0) return;
    // Now and then under an id of its own, as if the customer had forgotten: the name must refuse it.
    if (kind === 'volume-create' && this.isGone(slot)) slot.id = world.random.uuid() as VolumeId;
    this.asked.set(kind, (this.asked.get(kind) ?? 0) + 1);
    void this.send(world.random.pick(apis), slot, kind);
  }

  private isGone({ id }: Slot): boolean {
    return (
      this.world.consul.store.get(this.world.layout.tombstone(id)) !== null || this.world.random.chance(0.1)
    );
  }

  private async send(api: SimulatedProcess, slot: Slot, kind: Kind): Promise<void> {
    const { world } = this;
    const params = this.params(slot, kind);
    const about = `volume/${slot.id}`;
    const tried: string[] = [];
    const context = api.context(() => {
      const id = world.random.uuid();
      tried.push(id);
      return id;
    });
    const definition = world.rules.catalog.get(kind)!;
    world.pool.note(api.name, `is asked for ${kind} ${JSON.stringify(params)}`, about);
    try {
      const { action } = await admit(context, {
        definition,
        params,
        account: slot.account,
        requestId: 'simulated',
      });
      world.acknowledged.push({
        intent: action.intent,
        resource: action.resource,
        account: action.account,
        action: action.n,
      });
      world.pool.note(api.name, `acknowledges ${action.intent}`, about);
    } catch (error) {
      if (api.state === 'dead') return await never();
      if (!(error instanceof Refusal)) {
        world.mistakes.push({ invariant: 'R2', detail: `an admission failed: ${String(error)}`, about });
        return;
      }
      world.pool.note(api.name, `refuses: ${error.reason ?? error.code}`, about);
      if (error.reason === 'quota') world.faults.see('quota-refused');
      if (error.reason !== UNKNOWN) for (const id of tried) world.refused.add(id);
    }
  }

  /** The VM that has it, as its customer can see. */
  private vmOf(id: VolumeId, account: AccountRecord): VmId {
    const { consul, layout, random } = this.world;
    const entry = consul.store.get(layout.volume(account.id, id));
    const record = entry === null ? null : (JSON.parse(entry.value) as VolumeRecord);
    return record?.attachment?.vm ?? random.pick(VMS).id;
  }

  private params({ id, account, name }: Slot, kind: Kind): Json {
    const { random } = this.world;
    const vm = kind === 'volume-detach' ? this.vmOf(id, account) : random.pick(VMS).id;
    switch (kind) {
      case 'volume-create':
        return {
          volumeId: id,
          account: account.id,
          name,
          description: '',
          sizeGib: random.between(1, SIZE_MAX_GIB / 2),
          region: REGION,
          tags: [],
        };
      case 'volume-resize':
        return { volumeId: id, sizeGib: random.between(2, SIZE_MAX_GIB), region: null };
      case 'volume-attach':
        return { volumeId: id, vm, host: HOST, region: null };
      case 'volume-detach':
        return { volumeId: id, vm, region: null };
      case 'volume-delete':
        return { volumeId: id };
    }
  }
}
