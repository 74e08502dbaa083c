import type { Brake, DiscrepancyRecord, Facet, HostName, Part, Source } from '@plumbline/domain';
import { brakeBy } from './brakes.js';
import { begun } from './pass.js';

/** As much of it as brakes look at. */
const facet = { name: 'qemu.device', source: 'qemu' } as unknown as Facet;
const host = 'host-a' as HostName;

async function brakesWith(parts: readonly Part[]): Promise<readonly Brake[]> {
  const engaged: Brake[] = [];
  const sources = [{ facet }] as unknown as readonly Source[];
  const pass = begun(null, { now: () => 0, sources });
  const tally = pass.tallies.get(facet.name)!;
  tally.things = 40;
  tally.parts.push(...parts);
  const known = Array.from({ length: 20 }, (_, n) => ({
    facet: facet.name,
    key: `${n}/disk`,
    host,
    volume: `${n}`,
    state: 'confirmed',
  })) as DiscrepancyRecord[];
  const desk = {
    brakes: () => Promise.resolve([]),
    releases: () => Promise.resolve([]),
    engage: (brake: Brake) => Promise.resolve(void engaged.push(brake)),
  } as unknown as Parameters<typeof brakeBy>[1]['desk'];
  const nothing = () => undefined;
  const log = { info: nothing, warn: nothing, error: nothing };
  await brakeBy(pass, { desk, log, now: () => 0, sources }, { known, last: null });
  return engaged;
}

describe('a brake', () => {
  it('counts what is wrong only where somebody answered', async () => {
    expect(await brakesWith([])).toMatchObject([{ why: 'share', wrong: 20, of: 40 }]);
    expect(await brakesWith([{ host, under: '' }])).toEqual([]);
    const most = Array.from({ length: 10 }, (_, n) => ({ host, under: `${n}/` }));
    expect(await brakesWith(most)).toEqual([]);
  });
});
