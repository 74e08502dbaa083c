import { DRIFTS } from '@plumbline/testing';
import type { Drift } from '@plumbline/testing';
import type { Chance } from '../chance.js';

export interface Bounds {
  readonly count: number;
  /** Things that may differ in one way of one facet. */
  readonly sortMax: number;
  /** Things that may differ in one facet: more put the brake on. */
  readonly facetMax: number;
  /** Volumes that VMs have room for. */
  readonly attachedMax: number;
}

/** So often another drift is drawn in place of one that does not fit any more. */
const DRAWS_MAX = 1_000;

/** What is planted at random: the same for the same seed, each sort at least once where there is room. */
export function choose(chance: Chance, bounds: Bounds): readonly Drift[] {
  const chosen: Drift[] = [];
  const first = [...DRIFTS];
  for (let draw = 0; draw < DRAWS_MAX && chosen.length < bounds.count; draw += 1) {
    const drift = first.shift() ?? chance.pick(DRIFTS);
    if (drift !== undefined && fits([...chosen, drift], bounds)) chosen.push(drift);
  }
  return chosen;
}

function fits(chosen: readonly Drift[], { attachedMax, facetMax, sortMax }: Bounds): boolean {
  const things = chosen.flatMap(({ expected }) => expected);
  const counts = (names: readonly string[]) =>
    names.reduce((so, name) => so.set(name, (so.get(name) ?? 0) + 1), new Map<string, number>()).values();
  const sorts = counts(things.map((one) => `${one.facet} ${one.class}`));
  const facets = counts(things.map(({ facet }) => facet));
  return (
    Math.max(0, ...sorts) <= sortMax &&
    Math.max(0, ...facets) <= facetMax &&
    chosen.filter(({ life }) => life === 'attached').length <= attachedMax
  );
}
