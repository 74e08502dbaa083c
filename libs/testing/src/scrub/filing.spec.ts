import { cephImage } from '@plumbline/ceph-facets';
import { Refusal, volumeResource } from '@plumbline/domain';
import type { ScrubberPorts } from '@plumbline/engine';
import { EXAMPLE_VOLUME } from '@plumbline/intents';
import { VM } from '../engine/engine-world.js';
import { PLANTS } from './plants.js';
import { SILENCE_MS, ScrubWorld, diskKey, imageKey } from './scrub-world.js';

const key = imageKey(EXAMPLE_VOLUME);
const IMAGE = cephImage.name;
const HOUR_MS = 3600 * 1000;

async function withTrashed(): Promise<ScrubWorld> {
  const scrub = await ScrubWorld.open();
  await scrub.carryOut('volume-create');
  scrub.trashImage(EXAMPLE_VOLUME);
  return scrub;
}

const oneState = async (scrub: ScrubWorld) => (await scrub.found()).map(({ state }) => state);
const isRestored = ({ world: { sources } }: ScrubWorld, at = key) => sources.images.has(at);

/** A scrubber for whom something happens while it waits to look again. */
function interrupted(scrub: ScrubWorld, by: () => Promise<unknown>): Partial<ScrubberPorts> {
  let isFirst = true;
  return {
    async sleep(ms) {
      scrub.world.passedMs += ms;
      if (ms >= SILENCE_MS && isFirst) {
        isFirst = false;
        await by();
      }
    },
  };
}

/** Something happens once between what was decided and the last look. */
function beforeLook({ desk }: ScrubWorld, happens: () => Promise<void>): void {
  const releases = desk.releases.bind(desk);
  desk.releases = async () => {
    desk.releases = releases;
    await happens();
    return await releases();
  };
}

describe('a repair is filed', () => {
  it('only for what is seen twice, as far apart as anybody may be silent', async () => {
    const scrub = await withTrashed();
    const hasty = scrub.scrubber('hasty', { sleep: () => Promise.resolve() });
    await scrub.pass(hasty);
    await scrub.pass(hasty);
    expect(await oneState(scrub)).toEqual(['seen-once']);
    scrub.world.passedMs += SILENCE_MS - 1;
    await scrub.pass(hasty);
    expect(isRestored(scrub)).toBe(false);
    scrub.world.passedMs += 1;
    await scrub.pass(hasty);
    expect(isRestored(scrub)).toBe(true);
  });

  it.each<[string, (scrub: ScrubWorld) => Promise<unknown>]>([
    ['somebody has begun to work on it', (scrub) => scrub.admit('volume-resize')],
    ['an intent has come and gone', (scrub) => scrub.carryOut('repair-subscription')],
  ])('never when between the two looks %s', async (_, happens) => {
    const scrub = await withTrashed();
    const by = scrub.scrubber(
      'another',
      interrupted(scrub, () => happens(scrub)),
    );
    const before = await scrub.filedFor(EXAMPLE_VOLUME);
    const report = await by.pass(new AbortController().signal);
    expect(report).toMatchObject({ confirmed: 0, filed: 0 });
    expect((await scrub.filedFor(EXAMPLE_VOLUME)) - before).toBeLessThan(2);
    expect(isRestored(scrub)).toBe(false);
  });

  it.each([
    ['', 0],
    [', numbered by a clock that is behind', HOUR_MS],
  ])(
    'never when between the two looks an intent was refused, which leaves no trace in the record%s',
    async (_, behindMs) => {
      const scrub = await ScrubWorld.open();
      await scrub.carryOut('volume-create');
      scrub.billed.clear();
      scrub.world.sources.killVm(VM);
      const refused = interrupted(scrub, async () => {
        scrub.world.passedMs -= behindMs;
        await scrub.carryOut('volume-attach');
        scrub.world.passedMs += behindMs;
      });
      const before = await scrub.world.snapshot(volumeResource(EXAMPLE_VOLUME));
      expect(await scrub.pass(scrub.scrubber('another', refused))).toMatchObject({ confirmed: 0, filed: 0 });
      expect(await scrub.world.snapshot(volumeResource(EXAMPLE_VOLUME))).toEqual(before);
      await scrub.pass();
      expect(scrub.billed.size).toBe(1);
    },
  );

  it('never for what an earlier pass has seen twice, when an intent was refused since and this pass could not look', async () => {
    const scrub = await ScrubWorld.open();
    await scrub.carryOut('volume-create');
    scrub.billed.clear();
    scrub.world.sources.killVm(VM);
    await scrub.desk.set({ paused: true });
    await scrub.pass();
    expect(await oneState(scrub)).toEqual(['confirmed']);
    await scrub.carryOut('volume-attach');
    await scrub.desk.set({ paused: false });
    let isOwed = true;
    const blind = scrub.scrubber('another', { isOwed: () => Promise.resolve(isOwed) });
    beforeLook(scrub, () => Promise.resolve(void (isOwed = false)));
    expect(await scrub.pass(blind)).toMatchObject({ filed: 0 });
    expect(await scrub.pass()).toMatchObject({ filed: 1 });
    expect(scrub.billed.size).toBe(1);
  });

  it('never when the record has changed since it was decided', async () => {
    const scrub = await withTrashed();
    const changes = async () => void (await scrub.carryOut('repair-subscription'));
    const afterLook = scrub.scrubber('one', {
      async file({ kind, onlyIf, params }) {
        await changes();
        return (await scrub.world.admit(kind, params, onlyIf)).intent;
      },
    });
    expect(await scrub.pass(afterLook)).toMatchObject({ confirmed: 1, filed: 0 });
    beforeLook(scrub, changes);
    expect(await scrub.pass()).toMatchObject({ filed: 0 });
    expect(isRestored(scrub)).toBe(false);
  });

  it('never for what is mended just before', async () => {
    const scrub = await withTrashed();
    beforeLook(scrub, () => {
      const image = scrub.world.sources.trash.get(key)!;
      scrub.world.sources.images.set(key, { ...image, state: 'open' });
      return Promise.resolve();
    });
    expect(await scrub.pass()).toMatchObject({ confirmed: 1, filed: 0 });
    expect(await scrub.filedFor(EXAMPLE_VOLUME)).toBe(0);
  });

  it('never of a facet that could not be listed, however sure the single looks are', async () => {
    const scrub = await withTrashed();
    await scrub.desk.set({ paused: true });
    await scrub.pass();
    await scrub.desk.set({ paused: false });
    const sources = scrub.sources().map((source) => ({
      facet: source.facet,
      observe: source.observe.bind(source),
      async *list(signal: AbortSignal) {
        if (source.facet.name === IMAGE) throw new Error('no answer');
        yield* source.list(signal);
      },
    }));
    expect(await scrub.pass(scrub.scrubber('another', { sources }))).toMatchObject({ filed: 0 });
    expect(isRestored(scrub)).toBe(false);
    await scrub.pass();
    expect(isRestored(scrub)).toBe(true);
  });

  it.each([
    ['paused', { paused: true }, ['confirmed']],
    ['to report this only', { modes: { 'image-trashed': 'report' } }, ['confirmed']],
    ['not to look for this', { modes: { 'image-trashed': 'off' } }, []],
    ['to repair nothing within an hour', { repairsPerHour: 0 }, ['confirmed']],
  ] as const)('never while it is told %s, and then it is', async (_, settings, states) => {
    const scrub = await withTrashed();
    await scrub.desk.set(settings);
    await scrub.passes(2);
    expect(await oneState(scrub)).toEqual(states);
    expect(isRestored(scrub)).toBe(false);
    await scrub.desk.set({ paused: false, modes: { 'image-trashed': 'repair' }, repairsPerHour: null });
    await scrub.passes(2);
    expect([isRestored(scrub), await oneState(scrub)]).toEqual([true, ['repaired']]);
  });

  it('never after somebody has said stop, be it in the middle of a pass', async () => {
    const scrub = await withTrashed();
    const stop = interrupted(scrub, () => scrub.desk.set({ paused: true }));
    expect(await scrub.pass(scrub.scrubber('another', stop))).toMatchObject({ confirmed: 1, filed: 0 });
  });

  it('no oftener within any hour than is allowed', async () => {
    const scrub = await ScrubWorld.open();
    const ids = await scrub.volumes(5);
    for (const id of ids) scrub.trashImage(id);
    await scrub.desk.set({ repairsPerHour: 2 });
    const restored = () => ids.filter((id) => isRestored(scrub, imageKey(id))).length;
    await scrub.passes(3);
    expect(restored()).toBe(2);
    scrub.world.passedMs += HOUR_MS;
    await scrub.passes(3);
    expect(restored()).toBe(4);
  });

  it('only once it can help: what belongs into a VM comes back when the VM does', async () => {
    const scrub = await ScrubWorld.open();
    await scrub.carryOut('volume-create');
    await scrub.carryOut('volume-attach');
    scrub.world.sources.killVm(VM);
    await scrub.passes(5);
    expect([await scrub.filedFor(EXAMPLE_VOLUME), await scrub.found()]).toEqual([0, []]);
    scrub.world.sources.wakeVm(VM);
    await scrub.passes(2);
    expect(scrub.world.sources.devices.has(diskKey(EXAMPLE_VOLUME, VM))).toBe(true);
  });

  it('of one volume first for what keeps the rest from coming back: a disk that another VM has, too', async () => {
    const scrub = await ScrubWorld.open();
    for (const kind of ['volume-create', 'volume-attach']) await scrub.carryOut(kind);
    const { sources } = scrub.world;
    await scrub.desk.set({ paused: true });
    sources.killVm(VM);
    sources.wakeVm(VM);
    await scrub.pass();
    await PLANTS['node-left']?.find(({ what }) => what === 'in another VM')?.plant(sources, scrub);
    await scrub.pass();
    await scrub.desk.set({ paused: false });
    const kinds: string[] = [];
    const by = scrub.scrubber('another', {
      async file({ kind, onlyIf, params }) {
        kinds.push(kind);
        return (await scrub.world.admit(kind, params, onlyIf)).intent;
      },
    });
    for (let n = 0; n < 3; n += 1) await scrub.pass(by);
    expect(kinds).toEqual(['repair-unplug', 'repair-disk']);
    expect(new Set(await oneState(scrub))).toEqual(new Set(['repaired']));
  });

  it('once, when two scrubbers lead at once', async () => {
    const scrub = await withTrashed();
    const two = ['one', 'other'].map((name) => scrub.scrubber(name));
    const reports = await Promise.all(two.map((by) => by.pass(new AbortController().signal)));
    expect(reports.reduce((sum, { filed }) => sum + filed, 0)).toBe(1);
    await scrub.rest();
    await Promise.all(two.map((by) => by.pass(new AbortController().signal)));
    expect(await scrub.filedFor(EXAMPLE_VOLUME)).toBe(1);
    expect(isRestored(scrub)).toBe(true);
  });
});

describe('a repair that does not help', () => {
  /** The image is back in the trash whenever the repair has ended. */
  const again = async (scrub: ScrubWorld, count: number) => {
    for (let n = 0; n < count; n += 1) {
      await scrub.pass();
      if (isRestored(scrub)) scrub.trashImage(EXAMPLE_VOLUME);
    }
  };

  it('is tried three times, and then a person is told', async () => {
    const scrub = await withTrashed();
    await again(scrub, 8);
    expect(await scrub.filedFor(EXAMPLE_VOLUME)).toBe(3);
    expect(await scrub.found()).toMatchObject([
      { state: 'parked', parked: '3 repairs did not help', repairs: 3 },
    ]);
  });

  it('waits for a person with the reason that its intent has, and is over when that is', async () => {
    const scrub = await ScrubWorld.open();
    await scrub.carryOut('volume-create');
    const image = scrub.world.sources.images.get(key)!;
    scrub.world.sources.images.delete(key);
    await scrub.passes(4);
    expect(await scrub.found()).toMatchObject([{ state: 'parked', parked: 'image-missing' }]);
    expect(await scrub.filedFor(EXAMPLE_VOLUME)).toBe(1);
    scrub.world.sources.images.set(key, image);
    await scrub.world.intervene(volumeResource(EXAMPLE_VOLUME), 'resume');
    await scrub.rest();
    await scrub.pass();
    expect(await oneState(scrub)).toEqual(['repaired']);
  });

  it('is told of also when whoever filed it died before it could note that', async () => {
    const scrub = await ScrubWorld.open();
    await scrub.carryOut('volume-create');
    scrub.world.sources.images.delete(key);
    const dying = scrub.scrubber('dying', {
      async file(filing) {
        await scrub.world.admit(filing.kind, filing.params, filing.onlyIf);
        throw new Error('killed');
      },
    });
    await expect(scrub.pass(dying)).rejects.toThrow('killed');
    await scrub.rest();
    await scrub.pass();
    expect(await scrub.found()).toMatchObject([{ state: 'parked', parked: 'image-missing' }]);
    expect(await scrub.filedFor(EXAMPLE_VOLUME)).toBe(1);
  });
});

describe('a repair that is refused', () => {
  it('is asked for three times, and then a person is told why', async () => {
    const scrub = await withTrashed();
    let asked = 0;
    const refusing = scrub.scrubber('another', {
      file() {
        asked += 1;
        throw new Refusal('conflict', 'It belongs there.');
      },
    });
    for (let n = 0; n < 5; n += 1) await scrub.pass(refusing);
    expect(asked).toBe(3);
    expect(await scrub.found()).toMatchObject([{ state: 'parked', parked: 'refused: It belongs there.' }]);
  });

  it('because too much waits already is asked for as long as that is so', async () => {
    const scrub = await withTrashed();
    const full = scrub.scrubber('another', {
      file() {
        throw new Refusal('too_many_requests', 'There is too much.');
      },
    });
    for (let n = 0; n < 5; n += 1) await scrub.pass(full);
    expect(await oneState(scrub)).toEqual(['confirmed']);
    await scrub.passes(2);
    expect(isRestored(scrub)).toBe(true);
  });
});

describe('what was accepted', () => {
  it('counts at once when something else is wrong with the same thing, in the same class', async () => {
    const scrub = await ScrubWorld.open();
    await scrub.carryOut('volume-create');
    const { images } = scrub.world.sources;
    const image = images.get(key)!;
    images.set(key, { ...image, sizeBytes: image.sizeBytes / 2 });
    await scrub.passes(2);
    const [damaged] = await scrub.found();
    const accepted = { by: 'a person', reason: 'a test', until: scrub.world.passedMs + HOUR_MS };
    await scrub.book.change(damaged!, (now) => now && { ...now, state: 'accepted', accepted });
    images.set(key, { ...image, imageId: 'another' });
    await scrub.passes(2);
    const [now] = await scrub.found();
    expect([damaged?.class, now?.class]).toEqual(['different', 'different']);
    expect([damaged?.remedy.name, now?.remedy.name]).toEqual(['image-damaged', 'image-another']);
    expect(now?.state).not.toBe('accepted');
  });

  it('rests until its time, and is repaired then', async () => {
    const scrub = await withTrashed();
    await scrub.desk.set({ paused: true });
    await scrub.pass();
    const accepted = { by: 'a person', reason: 'a test', until: scrub.world.passedMs + HOUR_MS };
    const [record] = await scrub.found();
    await scrub.book.change(record!, (now) => now && { ...now, state: 'accepted', accepted });
    await scrub.desk.set({ paused: false });
    await scrub.passes(3);
    expect(await scrub.found()).toMatchObject([{ state: 'accepted', accepted }]);
    scrub.world.passedMs += HOUR_MS;
    await scrub.passes(2);
    expect([isRestored(scrub), await oneState(scrub)]).toEqual([true, ['repaired']]);
  });
});
