import { ScrubWorld } from '../scrub/scrub-world.js';
import { DRIFTS } from './drifts.js';

describe('drifts of the real parts', () => {
  it('meet with every remedy of every facet, each as that remedy is', async () => {
    const remedies = (await ScrubWorld.open())
      .sources()
      .flatMap(({ facet }) => facet.remedies.map((one) => `${facet.name} ${one.class} ${one.name}`));
    const met = DRIFTS.flatMap(({ expected }) => expected);
    const lines = met.map((one) => `${one.facet} ${one.class} ${one.remedy}`);
    expect([...new Set(lines)].sort()).toEqual(remedies.sort());
  });

  it('can all be set right again', () => {
    const stays = DRIFTS.filter(
      ({ expected, mend }) =>
        expected.some(({ end }) => end === 'confirmed' || end === 'parked:stranger') && mend === undefined,
    );
    expect(stays).toEqual([]);
  });
});
