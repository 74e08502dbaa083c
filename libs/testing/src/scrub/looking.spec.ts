import { cephImage } from '@plumbline/ceph-facets';
import { billingSubscription } from '@plumbline/billing-facets';
import { EXAMPLE_VOLUME } from '@plumbline/intents';
import { ScrubWorld, imageKey } from './scrub-world.js';

const key = imageKey(EXAMPLE_VOLUME);

async function withVolume(): Promise<ScrubWorld> {
  const scrub = await ScrubWorld.open();
  await scrub.carryOut('volume-create');
  return scrub;
}

const states = async (scrub: ScrubWorld) => (await scrub.found()).map(({ state }) => state);

describe('a pass', () => {
  it('finds nothing where all agree, attached or not, and where something was deleted', async () => {
    const scrub = await withVolume();
    for (const kind of ['volume-attach', 'volume-detach', 'volume-delete']) {
      expect(await scrub.pass()).toMatchObject({ volumes: 1, confirmed: 0, filed: 0, waiting: 0 });
      await scrub.carryOut(kind);
    }
    expect(await scrub.pass()).toMatchObject({ volumes: 1, confirmed: 0 });
    expect(await scrub.found()).toEqual([]);
  });

  it('takes nothing for missing that is deleted while it is looked at', async () => {
    const scrub = await withVolume();
    let looks = 0;
    const by = scrub.seeing(cephImage.name, (source) => ({
      async *list() {},
      async observe(place, signal) {
        looks += 1;
        if (looks === 1) return null;
        if (looks === 2) await scrub.carryOut('volume-delete');
        return await source.observe(place, signal);
      },
    }));
    expect(await scrub.pass(by)).toMatchObject({ confirmed: 0, filed: 0 });
    expect(looks).toBeGreaterThan(1);
    await scrub.pass(by);
    expect(await states(scrub)).toEqual([]);
  });

  it('counts an image in the trash as gone, however it was listed before', async () => {
    const scrub = await withVolume();
    await scrub.carryOut('volume-delete');
    const seen = { imageId: 'image-1', sizeBytes: 2 * 1024 ** 3, state: 'open' };
    const by = scrub.seeing(cephImage.name, () => ({
      async *list() {
        yield { key, seen };
      },
    }));
    expect(await scrub.pass(by)).toMatchObject({ confirmed: 0, filed: 0 });
  });

  it('expects of billing what it was told, not what is still owed to it', async () => {
    const scrub = await ScrubWorld.open();
    const { resource } = await scrub.admit('volume-create');
    await scrub.world.settle(resource);
    await scrub.scrubber('another').pass(new AbortController().signal);
    expect(await states(scrub)).toEqual([]);
    await scrub.drain();
    const by = scrub.seeing(billingSubscription.name, () => ({
      async *list() {},
      observe: () => Promise.resolve(null),
    }));
    expect(await scrub.pass(by)).toMatchObject({ confirmed: 1 });
  });

  it('takes nothing for missing, nor for mended, of a source that cannot be asked', async () => {
    const scrub = await withVolume();
    const away = () => {
      throw new Error('nobody answers');
    };
    const unlisted = scrub.seeing(cephImage.name, () => ({ list: away }));
    const unseen = scrub.seeing(cephImage.name, () => ({ observe: away, async *list() {} }));
    const ofImages = (await scrub.pass(unlisted)).facets.find(({ facet }) => facet === cephImage.name);
    expect(ofImages?.objects).toBeNull();
    await scrub.pass(unseen);
    expect(await states(scrub)).toEqual([]);
    scrub.world.sources.images.delete(key);
    await scrub.pass();
    await scrub.pass(unseen);
    expect(await states(scrub)).toEqual(['parked']);
  });

  it('takes for mended nothing that somebody works on', async () => {
    const scrub = await withVolume();
    await scrub.desk.set({ paused: true });
    scrub.world.sources.images.delete(key);
    await scrub.pass();
    await scrub.admit('volume-resize');
    const by = scrub.scrubber('another');
    expect(await by.pass(new AbortController().signal)).toMatchObject({ healed: 0 });
    expect(await states(scrub)).toEqual(['confirmed']);
  });

  it('is gone on with behind the last volume that was told of when another takes the lead', async () => {
    const scrub = await withVolume();
    const ids = Array.from({ length: 40 }, () => scrub.world.uuid());
    for (const volumeId of ids) await scrub.carryOut('volume-create', { volumeId, name: volumeId });
    const killed = new AbortController();
    const slowly = scrub.scrubber('first', {
      volumesPerSecond: 1,
      sleep: (ms) => {
        scrub.world.passedMs += ms;
        if (scrub.world.passedMs > 30_000) killed.abort();
        return Promise.resolve();
      },
    });
    await expect(slowly.pass(killed.signal)).rejects.toThrow();
    const left = await scrub.desk.status();
    expect(left?.pass?.looked).toBeGreaterThan(10);
    expect(left?.pass?.looked).toBeLessThan(ids.length);
    const read: string[] = [];
    const second = scrub.scrubber('second', {
      async *volumeIds(after) {
        for (const id of [...ids, EXAMPLE_VOLUME].sort())
          if (after === null || id > after) yield (read.push(id), id as typeof EXAMPLE_VOLUME);
      },
    });
    const report = await scrub.pass(second);
    expect(report).toMatchObject({ pass: left?.pass?.pass, volumes: ids.length + 1, confirmed: 0 });
    expect(report.facets[0]?.objects).toBe(ids.length + 1);
    expect(read).toHaveLength(ids.length + 1 - (left?.pass?.looked ?? 0));
    expect((await scrub.pass(second)).pass).toBe(report.pass + 1);
  });
});
