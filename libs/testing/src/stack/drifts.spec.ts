import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { AnyFacet } from '@plumbline/domain';
import { ScrubWorld } from '../scrub/scrub-world.js';
import { DRIFTS } from './drifts.js';

const inRegistry = ({ name, source }: AnyFacet): boolean => source === 'registry' || name === 'ceph.trash';

describe('drifts of the real parts', () => {
  const remediesOf = async (isPlanted: (facet: AnyFacet) => boolean): Promise<string[]> =>
    (await ScrubWorld.open())
      .sources()
      .filter(({ facet }) => isPlanted(facet))
      .flatMap(({ facet }) => facet.remedies.map((one) => `${facet.name} ${one.class} ${one.name}`));

  it('meet with every remedy of every facet, each as that remedy is', async () => {
    const remedies = await remediesOf((facet) => !inRegistry(facet));
    const met = DRIFTS.flatMap(({ expected }) => expected);
    const lines = met.map((one) => `${one.facet} ${one.class} ${one.remedy}`);
    expect([...new Set(lines)].sort()).toEqual(remedies.sort());
  });

  it('are made of the registry’s own keys, and of what only its tombstones explain, in a suite of their own', async () => {
    const suite = readFileSync(resolve('apps/scrubber/test/registry-planted.e2e-spec.ts'), 'utf8');
    const remedies = await remediesOf(inRegistry);
    expect(remedies.length).toBeGreaterThan(0);
    expect(remedies.filter((one) => !suite.includes(` ${one.split(' ').at(-1)} `))).toEqual([]);
  });

  it('can all be set right again', () => {
    const stays = DRIFTS.filter(
      ({ expected, mend }) =>
        expected.some(({ end }) => end === 'confirmed' || end === 'parked:stranger') && mend === undefined,
    );
    expect(stays).toEqual([]);
  });
});
