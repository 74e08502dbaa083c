import { poolOf, imageNameOf, volumeResource } from '@plumbline/domain';
import type { ActionRecord, Json, VmRecord, VolumeId, VolumeRecord } from '@plumbline/domain';
import type { Suspicion } from '@plumbline/engine';
import { LEFT_BEHIND } from './damages.js';
import type { Damage } from './damages.js';
import { EngineWorld, NYC1, VM } from './engine-world.js';
import type { Fates, WriteFate } from './engine-world.js';
import type { CallFate } from './memory-sources.js';

/** One thing after the other that is asked for; the last is what is being proved. */
export type Story = readonly {
  readonly kind: string;
  readonly params: Json;
  /** What was done behind the registry's back before it is asked for. */
  readonly after?: { readonly what: string; readonly damage: Damage };
}[];

const CALL_FATES: readonly CallFate[] = [
  'transient',
  'lost-before',
  'lost-after',
  'crash-before',
  'crash-after',
];
const WRITE_FATES: readonly WriteFate[] = ['refused', 'lost', 'crash-before', 'crash-after', 'answer-lost'];

/**
 * What must hold of every kind of intent: whatever befalls any of its calls or writes once, it ends, and afterwards all
 * sources agree and nothing is left over.
 */
export function describeIntent(story: Story): void {
  const last = story.at(-1);
  if (last === undefined) throw new Error('a story has a last intent');
  const telling = story.map(({ after, kind }) => `${after === undefined ? '' : `${after.what}, so `}${kind}`);
  const left = LEFT_BEHIND[last.kind] ?? [];
  describe(telling.join(', then '), () => {
    it('is carried out when nothing goes wrong', async () => {
      const { world, action } = await tell(story, {});
      expect((await world.action(action)).status).toBe('completed');
      await expectAgreement(world, left);
    });

    it.each(CALL_FATES)('ends as if nothing had happened when any one call is %s', async (fate) => {
      for (let at = 1; at <= (await extent(story)).calls; at += 1) {
        const { world, action } = await tell(story, { calls: (n) => (n === at ? fate : 'served') });
        expect((await world.action(action)).status).toBe('completed');
        await expectAgreement(world, left);
      }
    });

    it.each(WRITE_FATES)('ends as if nothing had happened when any one write is %s', async (fate) => {
      for (let at = 1; at <= (await extent(story)).writes; at += 1) {
        const { world, action } = await tell(story, { writes: (n) => (n === at ? fate : 'served') });
        expect((await world.action(action)).status).toBe('completed');
        await expectAgreement(world, left);
      }
    });

    it('is undone without a trace, or waits for a person, when any one call is refused for good', async () => {
      const plain = await extent(story);
      for (let at = plain.callsBefore + 1; at <= plain.calls; at += 1) {
        const { world, action } = await tell(story, { calls: (n) => (n === at ? 'rejected' : 'served') });
        const parked = (await world.snapshot(action.resource)).lane?.entries[0]?.parked ?? null;
        if (parked !== null) {
          expect(parked.reason).toMatch(/rejected/);
          continue;
        }
        const { status, message } = await world.action(action);
        expect([status, message]).toEqual(['errored', 'refused']);
        // What a repair did not mend is still to be mended.
        if (story.every(({ after }) => after === undefined)) await expectAgreement(world);
      }
    });
  });
}

/** Tells the story up to its last intent without mishaps: their calls and writes count, but nothing befalls them. */
export async function tell(
  story: Story,
  fates: Fates,
): Promise<{ world: EngineWorld; action: ActionRecord }> {
  const world = await EngineWorld.open(fates);
  let action: ActionRecord | null = null;
  for (const { after, kind, params } of story) {
    after?.damage(world);
    action = await world.admit(kind, params);
    if (!(await world.settle(action.resource))) throw new Error(`${kind} did not end`);
  }
  if (action === null) throw new Error('an empty story');
  return { world, action };
}

/** How many calls and writes a story takes when nothing goes wrong, and how many of the calls before its last intent. */
async function extent(story: Story): Promise<{ calls: number; writes: number; callsBefore: number }> {
  const before = story.length > 1 ? await tell(story.slice(0, -1), {}) : null;
  const { world } = await tell(story, {});
  return { calls: world.sources.calls, writes: world.writes, callsBefore: before?.world.sources.calls ?? 0 };
}

/**
 * All sources say the same, nothing is left over, and the counters count what is there.
 * @param left what is nobody's, and is there
 */
export async function expectAgreement(world: EngineWorld, left: readonly string[] = []): Promise<void> {
  const [wrong, strangers] = [[], []] as [Suspicion[], string[]];
  for (const suspicion of await world.suspicions())
    if (suspicion.volume === null) strangers.push(suspicion.place.key);
    else wrong.push(suspicion);
  expect(wrong).toEqual([]);
  expect(strangers).toEqual(left);
  expect(await world.keys((layout) => layout.lanes)).toEqual([]);
  const records = await recordsOf(world);
  const usage = await world.json((layout) => layout.usage(world.account.id));
  const gib = records.reduce((sum, { sizeGib }) => sum + sizeGib, 0);
  expect(usage ?? { volumes: 0, gib: 0 }).toEqual({ volumes: records.length, gib });
  expect((await world.keys((layout) => `${layout.owners.replace(/owners\/$/, '')}names/`)).length).toBe(
    records.length,
  );
  const vm = await world.json<VmRecord>((layout) => layout.vm(VM));
  const attached = records
    .filter(({ attachment }) => attachment?.vm === VM)
    .map(({ id }) => [id, 'attached']);
  expect(vm?.slots).toEqual(Object.fromEntries(attached));
  for (const { id, attachment, imageId } of records) {
    const image = world.sources.images.get(`${poolOf(NYC1)}/${imageNameOf(id)}`);
    expect(image?.imageId).toBe(imageId);
    if (attachment !== null)
      expect([...world.sources.nodes.values()].map(({ address }) => address)).toContain(attachment.address);
  }
}

async function recordsOf(world: EngineWorld): Promise<readonly VolumeRecord[]> {
  const owners = await world.keys((layout) => layout.owners);
  const snapshots = owners.map((key) => world.snapshot(volumeResource(key.slice(-36) as VolumeId)));
  return (await Promise.all(snapshots)).flatMap(({ record }) => (record === null ? [] : [record]));
}
