import { GIB, foreignImageKeyOf, imageKeyOf } from '@plumbline/ceph-facets';
import { Refusal } from '@plumbline/domain';
import type { Json, VolumeId, VolumeRecord } from '@plumbline/domain';
import { SimulatedApi } from './api.js';
import { broken } from './judgement.js';
import type { Judgement } from './judgement.js';
import { SeededRandom } from './random.js';
import { REGION } from './where.js';
import { ACCOUNTS } from './world.js';
import type { Mistake, World } from './world.js';

/** In one seed of so many an operator has images change hands. */
export const OPERATED_EVERY = 3;
const ASKS = 4;
/** Of so many images that are to be adopted one is another by the time that its turn comes. */
const SWAPPED_OF = 4;
const SWAP_WITHIN_MS = 200;
const UNKNOWN = 'outcome_unknown';

/** An image that is nobody's: not yet, or not any more. */
interface Foreign {
  readonly imageId: string;
  readonly key: string;
  readonly volume: VolumeId;
  /** The operator's own hand has put another in its place. */
  isSwapped: boolean;
}

/** Makes images by hand and has them adopted, has volumes released, and images' sizes recorded that he has grown. */
export class Operator implements Judgement {
  private readonly random: SeededRandom;
  private readonly made: Foreign[] = [];
  /** By the volume: what its release leaves behind. */
  private readonly released = new Map<string, Foreign>();

  constructor(
    private readonly world: World,
    private readonly troubleMs: number,
  ) {
    this.random = SeededRandom.of(world.seed, 'operator');
  }

  begin(): void {
    for (let at = 0; at < ASKS; at += 1)
      this.world.pool.after(
        this.random.between(0, this.troubleMs),
        { owner: null, what: 'an operator asks' },
        () => void this.ask(this.random.pick([...this.wishes])),
      );
  }

  private readonly wishes = [() => this.adopt(), () => this.release(), () => this.adoptSize()] as const;

  /** V3: what was only to be adopted, and what was released, is nobody's to take away. V1: what was adopted is what it was. */
  judge(): Mistake | null {
    const { ceph, drifted, register } = this.world;
    for (const { imageId, isSwapped, key, volume } of this.made) {
      const wasCommitted = register.versions.has(volume);
      const isHeld = register.records.has(`volume/${volume}`) && !drifted.has(volume);
      if (isHeld && ceph.images.get(imageKeyOf(REGION, volume))?.imageId !== imageId)
        return broken('V1', 'what was adopted has another image', `volume/${volume}`);
      if (wasCommitted || isSwapped) continue;
      const place = ceph.elsewhere(imageId);
      const isThere = place?.state === 'renamed' && [key, imageKeyOf(REGION, volume)].includes(keyOf(place));
      if (!isThere)
        return broken('V3', 'an image that was only to be adopted is taken away', `volume/${volume}`);
      const lane = register.lanes.get(`volume/${volume}`);
      if (lane === undefined && keyOf(place) !== key)
        return broken('A1', 'an adoption was undone, and its image has not its name', `volume/${volume}`);
    }
    for (const [resource, { imageId, volume }] of this.released) {
      const isAway = ceph.elsewhere(imageId)?.state !== 'renamed';
      const isBuried = register.tombstones.has(volume) && !register.lanes.has(resource);
      if (drifted.has(volume) || !(isAway || isBuried) || !this.isReleased(resource)) continue;
      const detail = isAway
        ? 'an image that was released is taken away'
        : 'what was released can still be purged';
      return broken('V3', detail, resource);
    }
    return null;
  }

  private isReleased(resource: string): boolean {
    return [...this.world.register.actions.values()].some(
      (action) =>
        action.resource === resource && action.kind === 'volume-release' && action.status === 'completed',
    );
  }

  private async adopt() {
    const { ceph, pool, refusedKeys, register } = this.world;
    const volume = this.random.uuid() as VolumeId;
    const [imageId, sizeGib] = [ceph.newImageId(), this.random.between(1, 4)];
    const name = `by-hand-${imageId}`;
    const key = foreignImageKeyOf(REGION, name);
    const foreign: Foreign = { imageId, key, volume, isSwapped: false };
    ceph.put(key, { imageId, sizeBytes: sizeGib * GIB + 1, state: 'open' });
    this.made.push(foreign);
    const account = this.random.pick(ACCOUNTS);
    if (this.random.between(1, SWAPPED_OF) === 1)
      pool.after(this.random.between(0, SWAP_WITHIN_MS), { owner: null, what: 'somebody swaps it' }, () => {
        if (ceph.images.get(key)?.imageId !== imageId || register.versions.has(volume)) return;
        foreign.isSwapped = true;
        refusedKeys.add(volume);
        ceph.put(key, { imageId: ceph.newImageId(), sizeBytes: GIB, state: 'open' });
      });
    const named = { name: `adopted-${imageId}`, description: '', region: REGION, tags: [] };
    const params = { volumeId: volume, account: account.id, ...named, sizeGib, image: name, imageId };
    await this.order('volume-adopt', account.id, params);
  }

  private async release() {
    const record = this.anyVolume(({ attachment }) => attachment === null);
    if (record === null) return;
    const { account, id, imageId } = record;
    const image = `released-${id}`;
    const key = foreignImageKeyOf(REGION, image);
    this.released.set(`volume/${id}`, { imageId, key, volume: id, isSwapped: false });
    await this.order('volume-release', account, { volumeId: id, image });
  }

  /**
   * Somebody has grown the image, and the record is to say so. Not while an intent is under way: QEMU can only be told a size,
   * so a growth by hand between its look at the image and its change of it is lost, as the page for operators says.
   */
  private async adoptSize() {
    const { ceph, register } = this.world;
    const record = this.anyVolume(({ id }) => !register.lanes.has(`volume/${id}`));
    if (record === null) return;
    const { account, id, sizeGib } = record;
    const key = imageKeyOf(REGION, id);
    const image = ceph.images.get(key);
    if (image?.state !== 'open') return;
    const grownGib = Math.max(Math.floor(image.sizeBytes / GIB), sizeGib) + 1;
    ceph.put(key, { ...image, sizeBytes: grownGib * GIB });
    await this.order('volume-adopt-size', account, { volumeId: id, sizeGib: grownGib });
  }

  private anyVolume(isMeant: (record: VolumeRecord) => boolean): VolumeRecord | null {
    const all = [...this.world.register.records.values()].filter(isMeant);
    return all.length === 0 ? null : this.random.pick(all);
  }

  private async ask(wish: () => Promise<void>): Promise<void> {
    try {
      await wish();
    } catch (error) {
      if (!(error instanceof Refusal))
        this.world.mistake('R2', `an operator's wish failed: ${String(error)}`);
    }
  }

  /** @throws Refusal */
  private async order(kind: string, of: string, params: Json): Promise<void> {
    const { pool, refused } = this.world;
    const apis = this.world.alive('api').filter((process) => process instanceof SimulatedApi);
    const account = ACCOUNTS.find(({ id }) => id === of);
    if (apis.length === 0 || account === undefined) return;
    const api = this.random.pick(apis);
    const tried: string[] = [];
    const about = `volume/${(params as { volumeId: string }).volumeId}`;
    pool.note('operator', `asks for ${kind} ${JSON.stringify(params)}`, about);
    try {
      const order = { account, kind, params, key: null, waits: false };
      await api.order({ ...order, tries: (intent) => void tried.push(intent) });
    } catch (error) {
      if (api.state === 'dead') return;
      if (error instanceof Refusal && error.reason !== UNKNOWN)
        for (const intent of tried) refused.add(intent);
      throw error;
    }
  }
}

function keyOf({ name }: { readonly name?: string }): string {
  return foreignImageKeyOf(REGION, name ?? '');
}
