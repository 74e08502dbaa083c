import { cephImage } from '@plumbline/ceph-facets';
import type { FacetName, VolumeId } from '@plumbline/domain';
import { EXAMPLE_VOLUME } from '@plumbline/intents';
import { OTHER_VM, VM } from '../engine/engine-world.js';
import { ScrubWorld, diskKey, imageKey } from './scrub-world.js';

const IMAGE = cephImage.name;
const isRestored = ({ world: { sources } }: ScrubWorld, id: VolumeId) => sources.images.has(imageKey(id));

describe('brakes', () => {
  const release = (scrub: ScrubWorld, facet: FacetName) =>
    scrub.desk.release(facet, { by: 'a person', reason: 'looked at', at: scrub.world.passedMs });

  it('stop all repairs of a facet when too much of it is wrong, until somebody says go', async () => {
    const scrub = await ScrubWorld.open();
    const ids = await scrub.volumes(30);
    const missing = ids.slice(0, 11);
    for (const id of missing) scrub.trashImage(id);
    await scrub.passes(2);
    expect(await scrub.desk.brakes()).toMatchObject([{ facet: IMAGE, why: 'share', wrong: 11, of: 30 }]);
    expect(missing.filter((id) => isRestored(scrub, id))).toEqual([]);
    scrub.billed.delete(ids[20]!);
    await scrub.pass();
    expect(scrub.billed.has(ids[20]!)).toBe(true);
    await release(scrub, IMAGE);
    await scrub.passes(3);
    expect(missing.every((id) => isRestored(scrub, id))).toBe(true);
    expect([await scrub.desk.brakes(), await scrub.desk.releases()]).toEqual([[], []]);
  });

  it('count what a pass has repaired that saw an accident’s end only, when the next one finds the rest', async () => {
    const scrub = await ScrubWorld.open();
    const ids = await scrub.volumes(30);
    const behind = ids.slice(25, 29);
    const gone = [...ids.slice(4, 11), ...behind];
    const late = scrub.seeing(IMAGE, (source) => ({
      async *list(by) {
        for await (const item of source.list(by)) {
          if (item.key === imageKey(ids[20]!)) for (const one of gone) scrub.trashImage(one);
          if (scrub.world.sources.images.has(item.key)) yield item;
        }
      },
    }));
    await scrub.pass();
    await scrub.pass(late);
    expect(gone.filter((id) => isRestored(scrub, id))).toEqual(behind);
    await scrub.pass();
    expect(await scrub.desk.brakes()).toMatchObject([{ facet: IMAGE, why: 'share', wrong: 11, of: 30 }]);
    expect(gone.filter((id) => isRestored(scrub, id))).toEqual(behind);
    await release(scrub, IMAGE);
    await scrub.passes(3);
    expect(gone.every((id) => isRestored(scrub, id))).toBe(true);
    expect([await scrub.desk.brakes(), await scrub.desk.releases()]).toEqual([[], []]);
  });

  it('are not touched by what is tolerated, nor by VMs that have lost all their disks', async () => {
    const scrub = await ScrubWorld.open();
    const ids = await scrub.volumes(24);
    const vmOf = (id: VolumeId) => (ids.indexOf(id) % 2 === 0 ? VM : OTHER_VM);
    for (const volumeId of ids) await scrub.carryOut('volume-attach', { volumeId, vm: vmOf(volumeId) });
    await scrub.pass();
    for (const id of ids.slice(0, 10)) scrub.billed.delete(id);
    for (const vm of [VM, OTHER_VM]) {
      scrub.world.sources.killVm(vm);
      scrub.world.sources.wakeVm(vm);
    }
    await scrub.passes(2);
    expect(await scrub.desk.brakes()).toEqual([]);
    expect(ids.filter((id) => !scrub.world.sources.devices.has(diskKey(id, vmOf(id))))).toEqual([]);
    expect(scrub.billed.size).toBe(24);
  });

  it('hold what a source that suddenly lists little seems to have lost', async () => {
    const scrub = await ScrubWorld.open();
    const ids = await scrub.volumes(24);
    for (const volumeId of ids.slice(0, 5)) await scrub.carryOut('volume-delete', { volumeId });
    const left = ids.slice(5);
    await scrub.pass();
    await scrub.volumes(3);
    await scrub.pass();
    const forgetful = scrub.sources().map((source) => ({
      facet: source.facet,
      observe: source.observe.bind(source),
      async *list(signal: AbortSignal) {
        if (source.facet.name !== IMAGE) yield* source.list(signal);
      },
    }));
    scrub.trashImage(left[0]!);
    await scrub.pass(scrub.scrubber('another', { sources: forgetful }));
    expect(await scrub.desk.brakes()).toMatchObject([{ facet: IMAGE, why: 'few-listed', wrong: 0, of: 22 }]);
    expect(isRestored(scrub, left[0]!)).toBe(false);
    await scrub.pass();
    expect(isRestored(scrub, left[0]!)).toBe(false);
    await release(scrub, IMAGE);
    await scrub.passes(2);
    expect(isRestored(scrub, left[0]!)).toBe(true);
  });

  it('are not touched by customers who delete most of what they have', async () => {
    const scrub = await ScrubWorld.open();
    const ids = await scrub.volumes(24);
    await scrub.pass();
    for (const volumeId of ids.slice(4)) await scrub.carryOut('volume-delete', { volumeId });
    await scrub.pass();
    expect(await scrub.desk.brakes()).toEqual([]);
  });

  it('hold everything after the registry was set back', async () => {
    const scrub = await ScrubWorld.open();
    await scrub.carryOut('volume-create');
    scrub.trashImage(EXAMPLE_VOLUME);
    await scrub.desk.set({ paused: true });
    await scrub.pass();
    await scrub.desk.set({ paused: false });
    scrub.world.revFloor = 1_000_000;
    await scrub.passes(2);
    const facets = scrub.sources().map(({ facet }) => facet.name);
    expect(facets).toHaveLength(12);
    const brakes = await scrub.desk.brakes();
    expect(brakes.map(({ facet }) => facet).sort()).toEqual([...facets].sort());
    expect(new Set(brakes.map(({ why }) => why))).toEqual(new Set(['rewound']));
    expect(await scrub.filedFor(EXAMPLE_VOLUME)).toBe(0);
    await release(scrub, IMAGE);
    await scrub.pass();
    expect(isRestored(scrub, EXAMPLE_VOLUME)).toBe(true);
    expect(await scrub.desk.brakes()).toHaveLength(facets.length - 1);
  });
});
