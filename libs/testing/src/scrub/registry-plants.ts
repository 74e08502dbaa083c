import type { AccountId, RegionSlug, Tombstone, VmId, VmRecord, VolumeId } from '@plumbline/domain';
import { volumeResource } from '@plumbline/domain';
import { EXAMPLE_VOLUME } from '@plumbline/intents';
import { NYC1, OTHER_VM, VM } from '../engine/engine-world.js';
import type { Plant } from './plants.js';
import type { ScrubWorld } from './scrub-world.js';

const NOBODYS = 'fedcba98-0000-4000-8000-000000000001' as VolumeId;
const OTHERS = '5d2f0a1c-0000-4000-8000-00000000000b' as AccountId;
const NO_ID = '0f-by-hand' as VolumeId;

const created = ['volume-create'];
const attached = ['volume-create', 'volume-attach'];
const detached = [...attached, 'volume-detach'];
const deleted = ['volume-create', 'volume-delete'];

type Hand = (scrub: ScrubWorld) => Promise<void>;

const nameKey = ({ registry, world }: ScrubWorld, name: string, region: RegionSlug = NYC1): string =>
  registry.layout.name({ account: world.account.id, region, kind: 'volume', name });

/** The name that the example volume has. */
async function ownNameKey(scrub: ScrubWorld): Promise<string> {
  const { record } = await scrub.world.snapshot(volumeResource(EXAMPLE_VOLUME));
  return nameKey(scrub, record?.name ?? '');
}

const held =
  (name: string, by: VolumeId): Hand =>
  async (scrub) =>
    await scrub.write(nameKey(scrub, name), () => by);

const slot =
  (vm: VmId, of: VolumeId, to: 'reserved' | 'attached' | null): Hand =>
  async (scrub) =>
    await scrub.write(scrub.registry.layout.vm(vm), (now) => {
      const record = JSON.parse(now ?? 'null') as VmRecord;
      const { [of]: _before, ...others } = record.slots;
      return JSON.stringify({ ...record, slots: to === null ? others : { ...others, [of]: to } });
    });

const buried =
  (id: VolumeId): Hand =>
  async (scrub) => {
    const stone: Tombstone = {
      id,
      account: scrub.world.account.id,
      region: NYC1,
      imageId: '',
      rev: 1,
      at: 1,
    };
    await scrub.write(scrub.registry.layout.tombstone(id), () => JSON.stringify(stone));
  };

/** Somebody wished for something, and its lane was taken away before anybody looked. */
const wishLost =
  (kind: string): Hand =>
  async (scrub) => {
    await scrub.admit(kind);
    await scrub.write(scrub.registry.layout.lane(volumeResource(EXAMPLE_VOLUME)), () => null);
  };

/** The newest action of the account is in progress again. */
const setBack: Hand = async (scrub) => {
  const { kv, layout } = scrub.registry;
  const key = (await kv.keys(layout.actionsOf(scrub.world.account.id))).at(-1) ?? '';
  const back = { status: 'in-progress', completedAt: null };
  await scrub.write(key, (now) => JSON.stringify({ ...(JSON.parse(now ?? '{}') as object), ...back }));
};

const plants = (...all: readonly [string, readonly string[], Hand, Plant['end']][]): readonly Plant[] =>
  all.map(([what, life, hand, end]) => ({ what, life, plant: (_sources, scrub) => hand(scrub), end }));

/** What somebody writes into the registry by hand. */
export const REGISTRY_PLANTS: Readonly<Record<string, readonly Plant[]>> = {
  'name-lost': plants([
    'taken away',
    created,
    async (scrub) => await scrub.write(await ownNameKey(scrub), () => null),
    'repaired',
  ]),
  'name-another': plants([
    'given to nobody’s volume',
    created,
    async (scrub) => await scrub.write(await ownNameKey(scrub), () => NOBODYS),
    'reported',
  ]),
  'name-left': plants(
    ['a second one', created, held('a-second', EXAMPLE_VOLUME), 'repaired'],
    ['of a deleted one', deleted, held('left', EXAMPLE_VOLUME), 'repaired'],
  ),
  'name-unknown': plants(
    ['for a volume that never was', created, held('nobodys', NOBODYS), 'reported'],
    ['for what is no volume’s id', created, held('nobodys', NO_ID), 'reported'],
  ),
  'owner-lost': plants([
    'deleted',
    attached,
    async (scrub) => await scrub.write(scrub.registry.layout.owner(EXAMPLE_VOLUME), () => null),
    'repaired',
  ]),
  'owner-another': plants([
    'made another’s',
    created,
    async (scrub) => await scrub.write(scrub.registry.layout.owner(EXAMPLE_VOLUME), () => OTHERS),
    'repaired',
  ]),
  'owner-unknown': plants([
    'of what is no volume’s id',
    created,
    async (scrub) => await scrub.write(scrub.registry.layout.owner(NO_ID), () => OTHERS),
    'reported',
  ]),
  'slot-lost': plants(['freed', attached, slot(VM, EXAMPLE_VOLUME, null), 'repaired']),
  'slot-different': plants(['reserved again', attached, slot(VM, EXAMPLE_VOLUME, 'reserved'), 'repaired']),
  'slot-left': plants(
    ['in another VM', attached, slot(OTHER_VM, EXAMPLE_VOLUME, 'attached'), 'repaired'],
    ['of a detached one', detached, slot(VM, EXAMPLE_VOLUME, 'reserved'), 'repaired'],
    ['of a deleted one', deleted, slot(VM, EXAMPLE_VOLUME, 'attached'), 'repaired'],
  ),
  'slot-unknown': plants(['for a volume that never was', created, slot(VM, NOBODYS, 'attached'), 'reported']),
  'tombstone-beside': plants(['beside its record', attached, buried(EXAMPLE_VOLUME), 'repaired']),
  'tombstone-unknown': plants(['of what is no volume’s id', created, buried(NO_ID), 'reported']),
  'lane-broken': plants(
    [
      'that is no JSON',
      created,
      async (scrub) =>
        await scrub.write(scrub.registry.layout.lane(volumeResource(EXAMPLE_VOLUME)), () => '{'),
      'reported',
    ],
    [
      'of a volume that never was',
      created,
      async (scrub) =>
        await scrub.write(scrub.registry.layout.lane(volumeResource(NOBODYS)), () =>
          JSON.stringify({ resource: volumeResource(NOBODYS), account: OTHERS, entries: [] }),
        ),
      'reported',
    ],
  ),
  'lane-unshown': plants([
    'whose action was taken away',
    created,
    async (scrub) => {
      const { account, n } = await scrub.admit('volume-resize');
      await scrub.write(scrub.registry.layout.action(account, n), () => null);
      // Nobody comes to it: what is carried out gets its action back.
      scrub.rest = () => Promise.resolve();
    },
    'reported',
  ]),
  'action-stuck': plants(['whose lane was taken away', attached, wishLost('volume-detach'), 'repaired']),
  'action-unknown': plants(
    ['that had ended', created, setBack, 'reported'],
    ['of a volume that was never made', [], wishLost('volume-create'), 'reported'],
  ),
  'usage-different': plants([
    'counted too high',
    created,
    async (scrub) =>
      await scrub.write(scrub.registry.layout.usage(scrub.world.account.id), () =>
        JSON.stringify({ volumes: 3, gib: 9 }),
      ),
    'reported',
  ]),
};
