import { billingSubscription } from '@plumbline/billing-facets';
import { cephImage } from '@plumbline/ceph-facets';
import { volumeResource } from '@plumbline/domain';
import type { Part, VolumeId } from '@plumbline/domain';
import { EXAMPLE_VOLUME } from '@plumbline/intents';
import { qemuDevice, qemuNode } from '@plumbline/qemu-facets';
import { HOST, OTHER_VM, VM } from '../engine/engine-world.js';
import { SILENCE_MS, ScrubWorld, imageKey } from './scrub-world.js';

const { signal } = new AbortController();
const states = async (scrub: ScrubWorld) => (await scrub.found()).map(({ state }) => state);

describe('what a source does', () => {
  it('to one VM holds up nothing of the others, nor does it count against the others', async () => {
    const scrub = await ScrubWorld.open();
    const [here, there] = await scrub.volumes(2);
    for (const [volumeId, vm] of [
      [here, VM],
      [there, OTHER_VM],
    ] as const)
      await scrub.carryOut('volume-attach', { volumeId: volumeId!, vm });
    for (const vm of [VM, OTHER_VM]) {
      scrub.world.sources.killVm(vm);
      scrub.world.sources.wakeVm(vm);
    }
    let asked = 0;
    const silent: Part = { host: HOST, under: `${VM}/` };
    const isSilent = ({ key }: { key: string }) => key.startsWith(silent.under);
    const sources = scrub.sources().map((source) =>
      source.facet.source !== 'qemu'
        ? source
        : {
            facet: source.facet,
            async observe(place: Parameters<typeof source.observe>[0], by: AbortSignal) {
              if (isSilent(place)) asked += 1;
              if (isSilent(place)) throw new Error('nobody answers');
              return await source.observe(place, by);
            },
            async *list(by: AbortSignal, unasked?: (part: Part) => void) {
              unasked?.(silent);
              for await (const item of source.list(by)) if (!isSilent(item)) yield item;
            },
          },
    );
    const report = await scrub.pass(scrub.scrubber('another', { sources }));
    for (const facet of [qemuNode.name, qemuDevice.name])
      expect(report.facets.find((one) => one.facet === facet)).toMatchObject({ unasked: 1, missing: 1 });
    expect(new Set((await scrub.found()).map(({ volume }) => volume))).toEqual(new Set([there]));
    expect(asked).toBe(0);
    expect(await scrub.filedFor(there!)).toBe(1);
    expect(await scrub.filedFor(here!)).toBe(0);
    await scrub.pass();
    expect(await scrub.filedFor(here!)).toBe(1);
  });

  it('when it hangs in a listing ends with that facet unknown, and the others judged', async () => {
    const scrub = await ScrubWorld.open();
    await scrub.carryOut('volume-create');
    scrub.billed.clear();
    let told: AbortSignal | undefined;
    const hanging = scrub.seeing(
      cephImage.name,
      () => ({
        list(by) {
          told = by;
          return { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined) }) };
        },
      }),
      {
        within: async ({ what }, call) => {
          if (what !== `list ${cephImage.name}`) return await call(signal);
          void call(signal);
          throw new Error('no answer in time');
        },
      },
    );
    const { facets } = await scrub.pass(hanging);
    expect(facets.find(({ facet }) => facet === cephImage.name)?.objects).toBeNull();
    expect(facets.find(({ facet }) => facet === billingSubscription.name)?.missing).toBe(1);
    expect(told?.aborted).toBe(true);
    expect(scrub.billed.size).toBe(1);
  });

  it('slower than usual slows the asking of it, and of nothing else, until it is itself again', async () => {
    const scrub = await ScrubWorld.open();
    await scrub.volumes(40);
    let tookMs = 1;
    const slow = scrub.seeing(cephImage.name, (source) => ({
      async *list(by) {
        for await (const item of source.list(by)) {
          scrub.world.passedMs += tookMs;
          yield item;
        }
      },
    }));
    const pace = (of: string) => slow.paces.find(({ source }) => source === of);
    await slow.pass(signal);
    expect(pace('ceph')).toEqual({ source: 'ceph', budget: 1000, perSecond: 1000 });
    tookMs = 100;
    await slow.pass(signal);
    expect(pace('ceph')?.perSecond).toBeLessThanOrEqual(500);
    expect(pace('billing')?.perSecond).toBe(1000);
    tookMs = 1;
    for (let n = 0; n < 10; n += 1) await slow.pass(signal);
    expect(pace('ceph')?.perSecond).toBe(1000);
  });
});

describe('the registry', () => {
  it('is asked at its pace for all that is read to list what stands beside its records', async () => {
    const scrub = await ScrubWorld.open();
    await scrub.volumes(40);
    const { kv } = scrub.registry;
    let [answered, turned] = [0, 0];
    const counting =
      <A extends unknown[], T>(call: (...of: A) => Promise<T>, count: (answer: T) => number) =>
      async (...of: A): Promise<T> => {
        const answer = await call(...of);
        answered += count(answer);
        return answer;
      };
    Object.assign(kv, {
      read: counting(kv.read.bind(kv), ({ length }) => length),
      keys: counting(kv.keys.bind(kv), ({ length }) => length),
      folders: counting(kv.folders.bind(kv), ({ length }) => length),
      readTrees: counting(kv.readTrees.bind(kv), (trees) => trees.flat().length),
    });
    for (const source of scrub.sources().filter(({ facet }) => facet.source === 'registry')) {
      [answered, turned] = [0, 0];
      const turn = (things: number) => Promise.resolve(void (turned += things));
      for await (const one of source.list(signal, undefined, turn)) expect(one.key).not.toBe('');
      expect({ of: source.facet.name, turned }).toEqual({ of: source.facet.name, turned: answered });
      if (['registry.name', 'registry.owner', 'registry.usage'].includes(source.facet.name))
        expect(turned).toBeGreaterThanOrEqual(40);
    }
  });

  it('has its time even where a listing reads for longer than any source may be silent', async () => {
    const scrub = await ScrubWorld.open();
    await scrub.volumes(1);
    const pausesMs: number[] = [];
    let steps = 0;
    const much = scrub.seeing(
      'registry.name',
      (source) => ({
        async *list(by, unasked, turn) {
          for (let part = 0; part < 3; part += 1) await turn?.(5_000);
          yield* source.list(by, unasked, turn);
        },
      }),
      {
        volumesPerSecond: 2,
        progress: () => void (steps += 1),
        sleep: (ms) => Promise.resolve(void ((scrub.world.passedMs += ms), pausesMs.push(ms))),
        async within({ deadlineMs }, call) {
          const beganMs = scrub.world.passedMs;
          const answer = await call(signal);
          if (scrub.world.passedMs - beganMs > deadlineMs) throw new Error('no answer in time');
          return answer;
        },
      },
    );
    const beganMs = scrub.world.passedMs;
    const { facets } = await scrub.pass(much);
    expect(scrub.world.passedMs - beganMs).toBeGreaterThan(150_000 - SILENCE_MS);
    expect(facets.find(({ facet }) => facet === 'registry.name')).toMatchObject({ objects: 1, missing: 0 });
    // Who watches that a pass goes on sees that it does.
    expect(Math.max(...pausesMs)).toBeLessThanOrEqual(SILENCE_MS);
    expect(steps).toBeGreaterThan(3);
  });

  it('is listed for minutes, if it must be, while what was worked on a moment ago is looked at', async () => {
    const scrub = await ScrubWorld.open();
    await scrub.carryOut('volume-create');
    let seen: readonly string[] = [];
    const much = scrub.seeing(
      'registry.name',
      (source) => ({
        async *list(by, unasked, turn) {
          scrub.billed.clear();
          much.noteChanged(volumeResource(EXAMPLE_VOLUME));
          for (let part = 0; part < 10; part += 1) await turn?.(5_000);
          seen = await states(scrub);
          yield* source.list(by, unasked, turn);
        },
      }),
      { volumesPerSecond: 20 },
    );
    await scrub.pass(much);
    expect(seen).toEqual(['confirmed']);
  });
});

describe('what was wrong a moment ago', () => {
  it('is looked at before anything is listed', async () => {
    const scrub = await ScrubWorld.open();
    await scrub.carryOut('volume-create');
    scrub.billed.clear();
    await scrub.pass();
    const before = await states(scrub);
    let seen: readonly string[] = [];
    const next = scrub.seeing(cephImage.name, (source) => ({
      async *list(by) {
        seen = await states(scrub);
        yield* source.list(by);
      },
    }));
    await scrub.pass(next);
    expect({ before, seen }).toEqual({ before: ['repairing'], seen: ['repaired'] });
  });

  it('and was put right while a pass goes on for hours is not on the list until its end', async () => {
    const scrub = await ScrubWorld.open();
    await scrub.carryOut('volume-create');
    const paid = [...scrub.billed];
    scrub.billed.clear();
    await scrub.desk.set({ paused: true });
    await scrub.pass();
    const before = await states(scrub);
    let seen: readonly string[] = [];
    const slow = scrub.seeing(
      'registry.name',
      (source) => ({
        async *list(by, unasked, turn) {
          for (const [key, value] of paid) scrub.billed.set(key, value);
          slow.noteChanged(volumeResource(EXAMPLE_VOLUME));
          for (let part = 0; part < 10; part += 1) await turn?.(5_000);
          seen = await states(scrub);
          yield* source.list(by, unasked, turn);
        },
      }),
      { volumesPerSecond: 20 },
    );
    await scrub.pass(slow);
    expect({ before, seen }).toEqual({ before: ['confirmed'], seen: ['repaired'] });
  });
});

describe('what was worked on a moment ago', () => {
  it('is looked at without a pass, and counts without one, but is repaired at the end of one only', async () => {
    const scrub = await ScrubWorld.open();
    await scrub.carryOut('volume-create');
    const by = scrub.scrubber('another');
    await by.pass(signal);
    scrub.billed.clear();
    const rounds: readonly string[][] = await inTurn([0, 5_000, SILENCE_MS - 1, SILENCE_MS], async (ms) => {
      if (ms === 0) by.noteChanged(volumeResource(EXAMPLE_VOLUME));
      scrub.world.passedMs += ms;
      await by.recent(signal);
      return await states(scrub);
    });
    expect(rounds).toEqual([[], ['seen-once'], ['seen-once'], ['confirmed']]);
    expect(await scrub.filedFor(EXAMPLE_VOLUME)).toBe(0);
    expect(await scrub.pass(by)).toMatchObject({ filed: 1 });
    expect(scrub.billed.size).toBe(1);
  });

  it('does not wait for its place in a pass that is under way, and leaves alone what is worked on again', async () => {
    const scrub = await ScrubWorld.open();
    const ids = await scrub.volumes(60);
    const [last, busy] = [ids.at(-1)!, ids.at(-2)!];
    let seen: readonly (VolumeId | null)[] = [];
    const by = scrub.scrubber('another', {
      volumesPerSecond: 2,
      sourcesPerSecond: { ceph: 1000, billing: 1000 },
      async sleep(ms) {
        const beganMs = scrub.world.passedMs;
        scrub.world.passedMs += ms;
        if (beganMs === 0) {
          for (const id of [last, busy]) {
            scrub.world.sources.images.delete(imageKey(id));
            by.noteChanged(volumeResource(id));
          }
          await scrub.admit('volume-resize', { volumeId: busy });
        }
        const looked = (await scrub.desk.status())?.pass?.looked ?? 0;
        if (looked > 0 && looked < 40) seen = (await scrub.found()).map(({ volume }) => volume);
      },
    });
    scrub.world.passedMs = 0;
    await by.pass(signal);
    expect(seen).toEqual([last]);
  });
});

async function inTurn<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (const one of all) done.push(await work(one));
  return done;
}
