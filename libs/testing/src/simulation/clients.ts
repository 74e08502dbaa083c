import { Refusal, notFound } from '@plumbline/domain';
import type { AccountRecord, ActionRecord, Json, VmId, VolumeId } from '@plumbline/domain';
import { SimulatedApi } from './api.js';
import type { Made, Order } from './api.js';
import { SeededRandom } from './random.js';
import { Readings } from './readings.js';
import type { Asked, Script } from './script.js';
import { HOST, REGION } from './where.js';
import { ACCOUNTS, SECRET, VMS } from './world.js';
import type { World } from './world.js';

/** More than fit a lane. */
const FLOOD = 40;
/** A request that was answered so may have been recorded. */
const UNKNOWN = 'outcome_unknown';
/** Of twelve customers so many forget what they have. */
const FORGETFUL = 5;
/** Who reads does so again before long: the answer to a reading is mostly there by then, and sometimes is not. */
const AGAIN_MS = 25;
const NOWHERE = 999 as VmId;

/** A volume as its customer thinks of it; deleted, it is made anew under the same name and another id. */
interface Slot {
  readonly account: AccountRecord;
  readonly name: string;
  id: VolumeId;
}

/** What a key was used for, as its customer remembers. */
interface KeyUse {
  readonly body: { readonly name: string; readonly sizeGib: number };
  readonly volumes: Set<string>;
}

/** Customers of two accounts, who ask for anything at any time and wait for nobody; each answer is judged as it comes. */
export class Clients {
  readonly asked = new Map<string, number>();
  /** Whose key each intent was tried to be recorded under. */
  readonly keyOf = new Map<string, string>();
  private readonly slots: readonly Slot[];
  private readonly keys = new Map<string, KeyUse>();
  private readonly random: SeededRandom;
  private readonly readings: Readings;

  constructor(
    private readonly world: World,
    volumes: number,
  ) {
    this.random = SeededRandom.of(world.seed, 'clients');
    this.readings = new Readings(world);
    this.slots = Array.from({ length: volumes }, (_, at) => ({
      account: ACCOUNTS[at % ACCOUNTS.length]!,
      name: `disk-${at % (volumes - 1)}`,
      id: this.random.uuid() as VolumeId,
    }));
  }

  begin({ asked }: Script): void {
    for (const one of asked)
      this.world.pool.after(one.atMs, { owner: null, what: `a client asks: ${one.wish}` }, () =>
        this.ask(one),
      );
  }

  private ask(given: Asked): void {
    const slot = this.slots[given.slot]!;
    const asked = { ...given, wish: this.likely(slot, given) };
    const apis = this.world.alive('api').filter((process) => process instanceof SimulatedApi);
    if (apis.length === 0) return;
    const api = this.random.pick(apis);
    const by = asked.foreign === 0 ? ACCOUNTS.find(({ id }) => id !== slot.account.id)! : slot.account;
    this.asked.set(asked.wish, (this.asked.get(asked.wish) ?? 0) + 1);
    if (asked.wish === 'read') return void this.read(api, by, slot);
    if (asked.wish === 'list') return void this.readings.list(api, by);
    if (asked.wish === 'create') return void this.create(api, slot, asked);
    if (asked.wish !== 'flood') return void this.act(api, by, slot, asked);
    void this.flood(api, slot, asked);
  }

  /** One after the other, faster than they can be carried out: a lane takes so many and no more. */
  private async flood(api: SimulatedApi, slot: Slot, asked: Asked): Promise<void> {
    for (let at = 0; at < FLOOD && api.state !== 'dead'; at += 1)
      await this.act(api, slot.account, slot, {
        ...asked,
        foreign: 1,
        wish: at % 2 === 0 ? 'attach' : 'detach',
      });
  }

  /** Most customers know what they have: they make what is not there, and change what is. */
  private likely({ id }: Slot, { wish, foreign, sizeGib }: Asked): Asked['wish'] {
    const { records, lanes } = this.world.register;
    const isThere = records.has(`volume/${id}`) || lanes.has(`volume/${id}`);
    if (wish === 'read' || wish === 'list' || foreign < FORGETFUL) return wish;
    if (!isThere) return 'create';
    if (wish !== 'create') return wish;
    return sizeGib > 6 ? 'resize' : 'attach';
  }

  private async read(api: SimulatedApi, by: AccountRecord, { id, account }: Slot): Promise<void> {
    // Another comes while the first is under way: it may share only what is asked after it came.
    this.world.pool.after(
      this.random.next() * AGAIN_MS,
      { owner: null, what: 'a client reads again' },
      () => {
        void this.readings.find(api, by, id);
      },
    );
    const refusal = await this.readings.find(api, by, id);
    if (by.id === account.id || refusal === 'lost') return;
    this.expectUnknown(refusal, id);
  }

  private async create(api: SimulatedApi, slot: Slot, asked: Asked): Promise<void> {
    const { world, random } = this;
    const { account } = slot;
    // An id that is taken must not be taken again, whoever's it is and whether or not its volume is still there.
    const gone = [...world.register.tombstones.keys()] as VolumeId[];
    const taken = gone.length > 0 && random.chance(0.5) ? random.pick(gone) : random.pick(this.slots).id;
    const isReused = asked.reused === 0 && world.register.owners.has(taken);
    const volumeId = isReused ? taken : (random.uuid() as VolumeId);
    if (isReused) world.faults.see('id-repeated');
    const key = asked.key === 0 ? null : `${SECRET}-${asked.key}`;
    const body = this.bodyOf(slot, asked, key);
    const params = {
      volumeId,
      account: account.id,
      ...body,
      description: '',
      region: REGION,
      tags: [],
    };
    const tries = (intent: string): void => {
      if (key !== null) this.keyOf.set(intent, `${account.name} ${key}`);
    };
    const isFree = (): boolean => {
      const { records, lanes } = world.register;
      return !records.has(`volume/${slot.id}`) && !lanes.has(`volume/${slot.id}`);
    };
    if (!isReused && isFree()) slot.id = volumeId;
    const order = { account, kind: 'volume-create', params, key, waits: asked.waits, tries };
    const made = await this.order(api, order, volumeId);
    if (made === null) return;
    this.expectSameUse(made.action, key, body);
    slot.id = (made.action.params as { volumeId: VolumeId }).volumeId;
  }

  /** A name that somebody has taken away from its volume is anybody's: a customer who likes it makes another of that name. */
  private lostName({ account }: Slot): string | null {
    const { layout, register, unnamed } = this.world;
    for (const id of unnamed) {
      const record = register.records.get(`volume/${id}`);
      if (record?.account !== account.id) continue;
      if (!register.names.has(layout.name({ ...record, kind: 'volume' }))) return record.name;
    }
    return null;
  }

  /** Who repeats a request sends the same again; now and then a key is used for something else, which must be refused. */
  private bodyOf(slot: Slot, { sizeGib, vm }: Asked, key: string | null): KeyUse['body'] {
    const body = { name: this.lostName(slot) ?? slot.name, sizeGib: Math.ceil(sizeGib / 2) };
    if (key === null) return body;
    const at = `${slot.account.name} ${key}`;
    const use = this.keys.get(at);
    if (use === undefined) this.keys.set(at, { body, volumes: new Set() });
    else if (vm > 0) {
      this.world.faults.see('key-repeated');
      return use.body;
    }
    return body;
  }

  /** R3: one key makes one volume, and its answers are about the request that came with it. */
  private expectSameUse(
    { params, resource, account }: ActionRecord,
    key: string | null,
    body: KeyUse['body'],
  ): void {
    if (key === null) return;
    const { name, sizeGib, volumeId } = params as { name: string; sizeGib: number; volumeId: string };
    if (name !== body.name || sizeGib !== body.sizeGib)
      this.world.mistake('R3', `${key} was answered with what another body asked for`, resource);
    const owner = ACCOUNTS.find(({ id }) => id === account)!;
    const use = this.keys.get(`${owner.name} ${key}`);
    use?.volumes.add(volumeId);
    if (use !== undefined && use.volumes.size > 1)
      this.world.mistake('R3', `${key} has made ${[...use.volumes].join(' and ')}`, resource);
  }

  private async act(api: SimulatedApi, by: AccountRecord, slot: Slot, asked: Asked): Promise<void> {
    const { world } = this;
    const { id, account } = slot;
    const { kind, params, isForeignVm } = this.wishOf(slot, by, asked);
    const order = {
      account: by,
      kind,
      params,
      key: null,
      waits: asked.waits && kind === 'volume-delete',
      tries: () => undefined,
    };
    const isForeign = by.id !== account.id;
    const was = { refusal: null as Refusal | null };
    const made = await this.order(api, order, id, was);
    if (!isForeign && !isForeignVm) return;
    if (made !== null)
      world.mistake('B3', `${kind} of what is another account's was recorded`, `volume/${id}`);
    else if (was.refusal !== null && (isForeign || was.refusal.code === 'not_found'))
      this.expectUnknown(was.refusal, id);
  }

  private wishOf({ id }: Slot, by: AccountRecord, { wish, sizeGib, vm: at }: Asked) {
    const { world } = this;
    const vm = VMS[at]!;
    const isForeignVm = vm.account !== by.id;
    const attached = world.register.records.get(`volume/${id}`)?.attachment?.vm;
    switch (wish) {
      case 'resize':
        return { kind: 'volume-resize', params: { volumeId: id, sizeGib, region: null }, isForeignVm: false };
      case 'attach':
        return {
          kind: 'volume-attach',
          params: { volumeId: id, vm: vm.id, host: HOST, region: null },
          isForeignVm,
        };
      case 'detach':
        return {
          kind: 'volume-detach',
          params: { volumeId: id, vm: attached ?? vm.id ?? NOWHERE, region: null },
          isForeignVm: false,
        };
      default:
        return { kind: 'volume-delete', params: { volumeId: id }, isForeignVm: false };
    }
  }

  /** Null: nothing is known to be recorded. */
  private async order(
    api: SimulatedApi,
    order: Omit<Order, 'tries'> & { tries: (intent: string) => void },
    id: VolumeId,
    was: { refusal: Refusal | null } = { refusal: null },
  ): Promise<Made | null> {
    const { world } = this;
    const about = `volume/${id}`;
    const tried: string[] = [];
    const sentMs = world.pool.nowMs;
    world.pool.note(api.name, `is asked for ${order.kind} ${JSON.stringify(order.params)}`, about);
    const tries = (intent: string): void => {
      tried.push(intent);
      order.tries(intent);
    };
    try {
      const made = await api.order({ ...order, tries });
      this.readings.expectTrue(made, sentMs);
      this.expectNoSecret(made as unknown as Json, about);
      return made;
    } catch (error) {
      if (api.state === 'dead') return null;
      if (!(error instanceof Refusal)) {
        world.mistake('R2', `an admission failed: ${String(error)}`, about);
        return null;
      }
      was.refusal = error;
      this.refused(api, order.kind, error, about, tried);
      return null;
    }
  }

  private refused(
    api: SimulatedApi,
    kind: string,
    error: Refusal,
    about: string,
    tried: readonly string[],
  ): void {
    const { faults, pool, refused } = this.world;
    pool.note(api.name, `refuses ${kind}: ${error.reason ?? error.message}`, about);
    this.expectNoSecret({ message: error.message }, about);
    if (error.reason === 'quota') faults.see('quota-refused');
    if (error.reason === 'lane-full') faults.see('lane-full-refused');
    if (error.field === 'name') faults.see('name-refused');
    if (error.field === 'Idempotency-Key') faults.see('key-misused');
    if (error.reason === UNKNOWN) faults.see('outcome-unknown');
    else if (error.reason !== 'pending') for (const intent of tried) refused.add(intent);
  }

  /** B3: what is another account's answers exactly as what is not there at all. */
  private expectUnknown(refusal: Refusal | null, id: VolumeId): void {
    const { world } = this;
    if (refusal?.code === 'service_unavailable') return;
    const unknown = notFound();
    const isSame =
      refusal !== null &&
      refusal.code === unknown.code &&
      refusal.message === unknown.message &&
      refusal.field === undefined &&
      refusal.reason === undefined;
    if (isSame) world.faults.see('foreign-refused');
    else
      world.mistake(
        'B3',
        `another account's volume is told of: ${refusal?.message ?? 'shown'}`,
        `volume/${id}`,
      );
  }

  private expectNoSecret(answer: Json, about: string): void {
    if (JSON.stringify(answer).includes(SECRET)) this.world.mistake('B4', 'a secret is in an answer', about);
  }
}
