import { billingSubscription } from '@plumbline/billing-facets';
import { cephImage } from '@plumbline/ceph-facets';
import { imageNameOf, poolOf, volumeResource } from '@plumbline/domain';
import type { DiscrepancyRecord, Journal, Json, Place, Source } from '@plumbline/domain';
import { EXAMPLE_VOLUME, intentCatalog } from '@plumbline/intents';
import { createLog, createMetrics } from '@plumbline/platform';
import { EngineWorld, NYC1 } from '@plumbline/testing';
import { Scrubber } from '../src/pass.js';
import type { PassPorts } from '../src/pass.js';
import { withoutTrash } from '../src/without-trash.js';

const resource = volumeResource(EXAMPLE_VOLUME);
const key = `${poolOf(NYC1)}/${imageNameOf(EXAMPLE_VOLUME)}`;
const forEver = new AbortController().signal;

async function carryOut(world: EngineWorld, kind: string): Promise<void> {
  await world.admit(kind, intentCatalog.get(kind)?.example ?? null);
  await world.settle(resource);
}

/** A system with one volume, and a scrubber that looks twice without waiting. */
async function open(change: (of: { world: EngineWorld; images: Source }) => Partial<PassPorts> = () => ({})) {
  const world = await EngineWorld.open();
  await carryOut(world, 'volume-create');
  const images = world.sources.backendsOf('ceph').get(cephImage.name)!;
  const known = new Map<string, DiscrepancyRecord>();
  const scrubber = new Scrubber({
    journal: { read: (of) => world.snapshot(of) } as Journal,
    sources: [withoutTrash(images)],
    async *volumeIds() {
      yield EXAMPLE_VOLUME;
    },
    isOwed: () => Promise.resolve(false),
    now: Date.now,
    silenceMs: 0,
    volumesPerSecond: 1000,
    discrepancies: {
      list: () => Promise.resolve([...known.values()]),
      put: (record) => Promise.resolve(void known.set(record.facet, record)),
      remove: ({ facet }) => Promise.resolve(void known.delete(facet)),
    },
    log: createLog({ name: 'test', level: 'silent', pretty: false }),
    metrics: createMetrics({ app: 'test', name: 'test' }),
    ...change({ world, images }),
  });
  return { world, known, pass: () => scrubber.pass(forEver) };
}

/** The same source, with other answers. */
function answering(source: Source, other: Partial<Source>): Source {
  return {
    facet: source.facet,
    list: (signal) => source.list(signal),
    observe: (place, signal) => source.observe(place, signal),
    ...other,
  };
}

const nothing = async function* (): AsyncGenerator<Place & { readonly seen: Json }> {};

describe('a pass', () => {
  it('finds nothing where all agree, and what is wrong until it is mended', async () => {
    const { world, known, pass } = await open();
    expect(await pass()).toMatchObject({ volumes: 1, suspicions: 0, confirmed: 0, unknown: [] });
    const image = world.sources.images.get(key)!;
    world.sources.images.delete(key);
    expect(await pass()).toMatchObject({ confirmed: 1 });
    expect([...known.values()]).toMatchObject([{ facet: 'ceph.image', class: 'missing', key }]);
    world.sources.images.set(key, { ...image, imageId: 'a-strangers' });
    await pass();
    await pass();
    expect([...known.values()]).toMatchObject([{ facet: 'ceph.image', class: 'different' }]);
    world.sources.images.set(key, image);
    expect(await pass()).toMatchObject({ confirmed: 0, healed: 1 });
  });

  it('takes nothing for missing that is deleted while it is looked at', async () => {
    let looks = 0;
    const { world, known, pass } = await open(({ images }) => ({
      sources: [
        answering(images, {
          list: nothing,
          async observe(place, signal) {
            looks += 1;
            if (looks > 1) await carryOut(world, 'volume-delete');
            return looks === 1 ? null : await images.observe(place, signal);
          },
        }),
      ],
    }));
    expect(await pass()).toMatchObject({ suspicions: 1, confirmed: 0 });
    expect(known.size).toBe(0);
  });

  it('counts an image in the trash as gone, however it was listed before', async () => {
    const { world, known, pass } = await open(({ images }) => {
      const seen = { imageId: 'image-1', sizeBytes: 2 * 1024 ** 3, state: 'open' };
      const trashed = answering(images, {
        async *list() {
          yield { key, seen };
        },
        observe: () => Promise.resolve({ ...seen, state: 'trashed' }),
      });
      return { sources: [withoutTrash(trashed)] };
    });
    await carryOut(world, 'volume-delete');
    expect(await pass()).toMatchObject({ suspicions: 1, confirmed: 0 });
    expect(known.size).toBe(0);
  });

  it('expects of billing what it was told, not what is still owed to it', async () => {
    let owed = true;
    const { known, pass } = await open(() => ({
      sources: [{ facet: billingSubscription, list: nothing, observe: () => Promise.resolve(null) }],
      isOwed: (source) => Promise.resolve(source === 'billing' && owed),
    }));
    expect(await pass()).toMatchObject({ suspicions: 1, confirmed: 0 });
    owed = false;
    expect(await pass()).toMatchObject({ suspicions: 1, confirmed: 1 });
    expect(known.size).toBe(1);
  });

  it('does not take for mended what somebody works on', async () => {
    const { world, known, pass } = await open();
    world.sources.images.delete(key);
    await pass();
    await world.admit('volume-resize', intentCatalog.get('volume-resize')?.example ?? null);
    expect(await pass()).toMatchObject({ healed: 0 });
    expect(known.size).toBe(1);
  });
});
