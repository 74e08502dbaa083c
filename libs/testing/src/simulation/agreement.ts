import type { Lane, VolumeId } from '@plumbline/domain';
import type { Suspicion } from '@plumbline/engine';
import { wrongs } from './truth.js';
import type { Mistake, World } from './world.js';

const FLOOD = 4;

/** What somebody still has to do; a parked lane waits for a person. */
export function lanesToGoOn({ register }: World): readonly Lane[] {
  return [...register.lanes.values()].filter(({ entries }) => !entries[0]?.parked);
}

/** Whose process has ended, and whose key nobody has cleared away. */
function deadBoots({ processes, register }: World): readonly string[] {
  const left = processes.filter(({ state, boot }) => state === 'dead' && register.boots.has(boot));
  return left.map(({ name }) => name);
}

/** Whether somebody still asks for what is busy, or was spoilt by hand, and no person has been asked yet. */
export function isBusy(world: World): boolean {
  const { busy, drifted } = world;
  return lanesToGoOn(world).some(({ resource }) => {
    const id = resource.slice(-36);
    return id === busy || drifted.has(id);
  });
}

/** So many wait behind what was spoilt by hand that their turns, one after the other, say nothing of anybody. */
export function isFlooded({ drifted, register }: World): boolean {
  const lanes = [...register.lanes.values()];
  return lanes.some(({ resource, entries }) => entries.length > FLOOD && drifted.has(resource.slice(-36)));
}

export function isSettled(world: World): boolean {
  if (lanesToGoOn(world).length > 0 || deadBoots(world).length > 0 || world.register.owed.size > 0)
    return false;
  return wrongs(world).every((one) => isTold(world, one));
}

/** A1: nothing is unsettled that is not parked, and all sources say the same. */
export function disagreement(world: World): Mistake | null {
  const { register } = world;
  const a1 = (detail: string, about = ''): Mistake => ({ invariant: 'A1', detail, about });
  const [stuck] = lanesToGoOn(world);
  if (stuck !== undefined)
    return a1(`intent ${stuck.entries[0]?.intent} (${stuck.entries[0]?.kind}) has not ended`, stuck.resource);
  const [boot] = deadBoots(world);
  if (boot !== undefined) return a1(`the boot of ${boot} was not taken over`);
  const [owed] = register.owed.values();
  if (owed !== undefined) return a1('billing was not told of everything', owed.resource);
  const [wrong] = wrongs(world).filter((one) => !isTold(world, one));
  if (wrong === undefined) return billed(world);
  const { class: sort, facet, seen, volume } = wrong;
  return a1(`${facet} is ${sort}: ${JSON.stringify(seen)}`, `volume/${volume ?? ''}`);
}

/** What is on the scrubber's list, for a person: whatever it may not repair, or could not. */
function isTold({ register }: World, { class: sort, facet, place }: Suspicion): boolean {
  return [...register.discrepancies.values()].some(
    (record) =>
      record.facet === facet &&
      record.key === place.key &&
      record.class === sort &&
      (record.state === 'parked' || (record.state === 'confirmed' && record.remedy.does !== 'repair')),
  );
}

/** Billing's journal says of each volume what its record says, for as long as it says so. */
function billed({ billing, misbilled, register }: World): Mistake | null {
  for (const [id, versions] of register.versions) {
    if (misbilled.has(id)) continue;
    const intervals = billing.intervalsOf(id as VolumeId);
    const expected: { sizeGib: number; startsAt: number; endsAt: number | null }[] = [];
    for (const { record } of versions) {
      const last = expected.at(-1);
      if (last?.sizeGib === record.sizeGib) continue;
      if (last !== undefined) last.endsAt = record.at;
      expected.push({ sizeGib: record.sizeGib, startsAt: record.at, endsAt: null });
    }
    const last = expected.at(-1);
    if (last !== undefined && !register.records.has(`volume/${id}`))
      last.endsAt = register.ended.get(id) ?? null;
    const [is, ought] = [JSON.stringify(intervals), JSON.stringify(expected)];
    if (is !== ought)
      return {
        invariant: 'M1',
        detail: `billing has ${is}, the records say ${ought}`,
        about: `volume/${id}`,
      };
  }
  return null;
}
