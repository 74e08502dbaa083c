import { Chance } from './chance.js';
import { Memory } from './load/memory.js';
import { nextWish } from './load/wishes.js';
import { faultKinds } from './nemesis/kinds.js';
import { RegistryDelta } from './outside/readings.js';
import { Reached } from './reached.js';

function wishes(seed: number): readonly unknown[] {
  const chance = new Chance(seed);
  const memory = new Memory();
  for (const n of [1, 2, 3])
    memory.volume({ id: `v${n}`, name: `n${n}`, size: n, region: 'nyc1', vm: n === 3 ? 7 : null });
  let names = 0;
  const around = {
    memory,
    foreign: new Memory(),
    vms: [7, 8],
    foreignVms: [9],
    regions: ['nyc1', 'lon1'],
    newName: () => `name-${(names += 1)}`,
  };
  return Array.from({ length: 2_000 }, () => nextWish(chance, around));
}

describe('what a seed decides', () => {
  it('is the same each time, and another for another seed', () => {
    expect(wishes(7)).toEqual(wishes(7));
    expect(wishes(7)).not.toEqual(wishes(8));
  });

  it('asks for each kind of thing', () => {
    const all = wishes(7).map((wish) => JSON.stringify(wish));
    const parts = [
      '"path":"/v2/volumes"',
      '"DELETE"',
      '"attach"',
      '"detach"',
      '"resize"',
      '"key"',
      '"stranger"',
    ];
    expect(parts.filter((part) => !all.some((text) => text.includes(part)))).toEqual([]);
  });
});

describe('what was reached', () => {
  it('names each fault and each kind of work that have not met', () => {
    const reached = new Reached(['kill', 'pause']);
    reached.note('kill', ['idle', 'create', 'attach', 'detach', 'resize']);
    reached.note('pause', ['idle', 'create', 'attach', 'detach', 'resize', 'delete']);
    expect(reached.allMissing).toEqual(['kill while delete']);
  });
});

it('has a name of its own for each of more than twenty kinds of faults', () => {
  const names = faultKinds.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThan(20);
});

it('writes down of the registry what has changed, and what is gone', () => {
  const delta = new RegistryDelta();
  const first = delta.since(
    new Map<string, unknown>([
      ['a', 1],
      ['b', { x: 1 }],
      ['c', null],
    ]),
  );
  expect(first).toEqual({ changed: { a: 1, b: { x: 1 }, c: null }, gone: [] });
  const second = delta.since(
    new Map<string, unknown>([
      ['a', 1],
      ['b', { x: 2 }],
      ['d', 4],
    ]),
  );
  expect(second).toEqual({ changed: { b: { x: 2 }, d: 4 }, gone: ['c'] });
});
