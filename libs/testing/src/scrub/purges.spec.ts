import { volumeResource } from '@plumbline/domain';
import { EXAMPLE_VOLUME } from '@plumbline/intents';
import { ScrubWorld, imageKey } from './scrub-world.js';

const KEPT_MS = 3600 * 1000;
const key = imageKey(EXAMPLE_VOLUME);

/** A deleted volume that has been in the trash for long enough, looked at by a pass. */
async function old(): Promise<ScrubWorld> {
  const scrub = await ScrubWorld.open();
  await scrub.carryOut('volume-create');
  await scrub.carryOut('volume-delete');
  await scrub.pass();
  scrub.world.passedMs += KEPT_MS + 1_000;
  return scrub;
}

async function standing({ world }: ScrubWorld) {
  const { tombstone } = await world.snapshot(volumeResource(EXAMPLE_VOLUME));
  return {
    trash: [...world.sources.trash.values()].map(({ imageId }) => imageId),
    isKnown: tombstone !== null,
  };
}

const kept = { trash: ['image-1'], isKnown: true };
const gone = { trash: [], isKnown: false };

describe('a purge', () => {
  it('removes a deleted volume for good when its time is over, and not before', async () => {
    const scrub = await old();
    scrub.world.passedMs -= 2_000;
    expect(await scrub.purge(KEPT_MS)).toBe(0);
    expect(await standing(scrub)).toEqual(kept);
    scrub.world.passedMs += 2_000;
    expect(await scrub.purge(KEPT_MS)).toBe(1);
    expect(await standing(scrub)).toEqual(gone);
    expect(await scrub.pass()).toMatchObject({ confirmed: 0, waiting: 0 });
    expect(await scrub.purge(KEPT_MS)).toBe(0);
  });

  it('forgets what was never made, too', async () => {
    const scrub = await old();
    scrub.world.sources.trash.clear();
    await scrub.purge(KEPT_MS);
    expect(await standing(scrub)).toEqual(gone);
  });

  it.each<[string, (scrub: ScrubWorld) => Promise<unknown>]>([
    [
      'any facet is braked',
      ({ desk }) => desk.engage({ facet: 'qemu.node', why: 'share', at: 0, wrong: 1, of: 1 }),
    ],
    ['nothing is to be repaired', ({ desk }) => desk.set({ paused: true })],
    ['nobody has looked since the registry was set back', async ({ world }) => (world.revFloor = 9)],
  ])('waits while %s', async (_, happens) => {
    const scrub = await old();
    await happens(scrub);
    expect(await scrub.purge(KEPT_MS)).toBe(0);
    expect(await standing(scrub)).toEqual(kept);
  });

  it('ends with the brake that comes in the middle of a round', async () => {
    const scrub = await ScrubWorld.open();
    for (const volumeId of await scrub.volumes(6)) await scrub.carryOut('volume-delete', { volumeId });
    scrub.world.passedMs += KEPT_MS + 1_000;
    let slept = 0;
    const purged = await scrub.purge(KEPT_MS, {
      async sleep(ms) {
        scrub.world.passedMs += ms;
        slept += 1;
        if (slept === 2)
          await scrub.desk.engage({ facet: 'ceph.image', why: 'share', at: 0, wrong: 1, of: 1 });
      },
    });
    expect([purged, scrub.world.sources.trash.size]).toEqual([2, 4]);
  });

  it('waits while something is wrong with what is left, and for whoever works on it', async () => {
    const scrub = await old();
    const { images, trash } = scrub.world.sources;
    images.set(key, { ...trash.get(key)!, state: 'open' });
    trash.clear();
    await scrub.desk.set({ modes: { 'image-left': 'report' } });
    await scrub.pass();
    expect(await scrub.purge(KEPT_MS)).toBe(0);
    await scrub.admit('repair-leftover', { imageId: 'image-1' });
    expect(await scrub.purge(KEPT_MS)).toBe(0);
    await scrub.passes(2);
    await scrub.purge(KEPT_MS);
    expect(await standing(scrub)).toEqual(gone);
  });

  it('leaves a stranger’s image in the trash, and calls a person', async () => {
    const scrub = await old();
    const { trash } = scrub.world.sources;
    trash.set(key, { ...trash.get(key)!, imageId: 'another' });
    await scrub.purge(KEPT_MS);
    expect(await standing(scrub)).toEqual({ trash: ['another'], isKnown: true });
    expect(await scrub.parked(EXAMPLE_VOLUME)).toBe('stranger');
    await scrub.purge(KEPT_MS);
    expect(await scrub.filedFor(EXAMPLE_VOLUME)).toBe(1);
  });
});
