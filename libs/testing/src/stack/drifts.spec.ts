import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ScrubWorld } from '../scrub/scrub-world.js';
import { DRIFTS } from './drifts.js';

describe('drifts of the real parts', () => {
  it('meet with every remedy of every facet, each as that remedy is; what is not of one volume in a suite of its own', async () => {
    const remedies = (await ScrubWorld.open())
      .sources()
      .flatMap(({ facet }) => facet.remedies.map((one) => `${facet.name} ${one.class} ${one.name}`));
    const met = DRIFTS.flatMap(({ expected }) => expected);
    const lines = new Set(met.map((one) => `${one.facet} ${one.class} ${one.remedy}`));
    expect([...lines].filter((one) => !remedies.includes(one))).toEqual([]);
    const suite = readFileSync(resolve('apps/scrubber/test/registry-planted.e2e-spec.ts'), 'utf8');
    const others = remedies.filter((one) => !lines.has(one));
    expect(others.every((one) => one.startsWith('registry.'))).toBe(true);
    expect(others.filter((one) => !suite.includes(`${one.split(' ').at(-1)} `))).toEqual([]);
  });

  it('can all be set right again', () => {
    const stays = DRIFTS.filter(
      ({ expected, mend }) =>
        expected.some(({ end }) => end === 'confirmed' || end === 'parked:stranger') && mend === undefined,
    );
    expect(stays).toEqual([]);
  });
});
