import { DRIFTS } from '@plumbline/testing';
import { Chance } from '../chance.js';
import { choose } from './choice.js';

const bounds = { count: 50, sortMax: 8, facetMax: 39, attachedMax: 14 };
const seeds = Array.from({ length: 20 }, (_, at) => at + 1);

describe('what is planted at random', () => {
  it('is the same for the same seed, and else another', () => {
    const names = (seed: number) => choose(new Chance(seed), bounds).map(({ name }) => name);
    expect(names(7)).toEqual(names(7));
    expect(names(7)).not.toEqual(names(8));
  });

  it('is as many as were asked for, of every kind, and nowhere more than there may be', () => {
    for (const seed of seeds) {
      const chosen = choose(new Chance(seed), bounds);
      expect(chosen).toHaveLength(bounds.count);
      expect(new Set(chosen).size).toBe(DRIFTS.length);
      expect(chosen.filter(({ life }) => life === 'attached').length).toBeLessThanOrEqual(14);
      const things = chosen.flatMap(({ expected }) => expected);
      for (const { class: sort, facet } of things)
        expect(things.filter((one) => one.facet === facet && one.class === sort).length).toBeLessThanOrEqual(
          8,
        );
    }
  });

  it('stays below the brakes of a small system', () => {
    for (const seed of seeds) {
      const things = choose(new Chance(seed), { ...bounds, facetMax: 9 }).flatMap(({ expected }) => expected);
      for (const { facet } of things)
        expect(things.filter((one) => one.facet === facet).length).toBeLessThanOrEqual(9);
    }
  });
});
