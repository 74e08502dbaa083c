import type { Chance } from '../chance.js';
import type { Request } from './api.js';
import type { Believed, Memory } from './memory.js';

export interface Surroundings {
  readonly memory: Memory;
  /** Of accounts that this client does not belong to. */
  readonly foreign: Memory;
  /** The VMs of its account, and of others. */
  readonly vms: readonly number[];
  readonly foreignVms: readonly number[];
  readonly regions: readonly string[];
  readonly newName: () => string;
}

/** Around this many volumes an account has more deletes than creates. */
const VOLUMES_USUAL = 14;
const GONE_CLIENT_MS = [50, 2_500] as const;

/** The next request of a client: all kinds, sensible ones and others. */
export function nextWish(chance: Chance, around: Surroundings): Request {
  const many = around.memory.volumes.size / VOLUMES_USUAL;
  const hasVms = around.vms.length > 0;
  const wish = chance.weighed<(chance: Chance, around: Surroundings) => Request>([
    [Math.max(4, 34 - 20 * many), create],
    [6 + 12 * many, remove],
    [hasVms ? 22 : 2, attach],
    [hasVms ? 18 : 1, detach],
    [11, grow],
    [14, read],
    [4, again],
    [5, foreign],
    [6, nonsense],
  ])(chance, around);
  const isGone = chance.is(0.04);
  return isGone ? { ...wish, patienceMs: chance.between(...GONE_CLIENT_MS) } : wish;
}

function create(chance: Chance, { memory, newName, regions }: Surroundings): Request {
  const taken = chance.is(0.05) ? chance.pick([...memory.volumes.values()]) : undefined;
  const body = {
    name: taken?.name ?? newName(),
    size_gigabytes: chance.between(1, 3),
    region: taken?.region ?? (chance.is(0.8) ? regions[0] : chance.pick(regions)),
    ...(chance.is(0.2) ? { description: 'of the soak', tags: ['soak', 'load'] } : {}),
  };
  const key = chance.is(0.3) ? `key-${body.name}` : undefined;
  if (key !== undefined) memory.used({ key, body });
  return {
    method: 'POST',
    path: '/v2/volumes',
    body,
    ...(key === undefined ? {} : { key }),
    async: chance.is(0.4),
  };
}

/** A request that was sent before, under its key: once more as it was, or with another body. */
function again(chance: Chance, around: Surroundings): Request {
  const used = chance.pick(around.memory.keys);
  if (used === undefined) return create(chance, around);
  const body = chance.is(0.2) ? { ...used.body, size_gigabytes: 9 } : used.body;
  return { method: 'POST', path: '/v2/volumes', body, key: used.key, async: chance.is(0.4) };
}

/** Half of all that is asked goes to a few volumes, so that intents of one volume meet. */
const FAVOURITES = 3;

function some(
  chance: Chance,
  { memory }: Surroundings,
  fits: (volume: Believed) => boolean,
): Believed | undefined {
  const all = [...memory.volumes.values()];
  const fitting = all.filter(fits);
  const candidates = fitting.length > 0 && chance.is(0.85) ? fitting : all;
  return chance.pick(chance.is(0.5) ? candidates.slice(0, FAVOURITES) : candidates);
}

function remove(chance: Chance, around: Surroundings): Request {
  const volume = some(chance, around, ({ vm }) => vm === null);
  if (volume === undefined) return create(chance, around);
  const { id, name, region } = volume;
  const path = chance.is(0.15) ? `/v2/volumes?name=${name}&region=${region}` : `/v2/volumes/${id}`;
  return { method: 'DELETE', path, async: chance.is(0.3) };
}

function act(volume: Believed, body: object): Request {
  return { method: 'POST', path: `/v2/volumes/${volume.id}/actions`, body };
}

function attach(chance: Chance, around: Surroundings): Request {
  const volume = some(chance, around, ({ region, vm }) => vm === null && region === around.regions[0]);
  const droplet_id = chance.pick(around.vms) ?? chance.pick(around.foreignVms);
  if (volume === undefined || droplet_id === undefined) return create(chance, around);
  const { name, region } = volume;
  if (chance.is(0.1))
    return {
      method: 'POST',
      path: '/v2/volumes/actions',
      body: { type: 'attach', volume_name: name, region, droplet_id },
    };
  return act(volume, { type: 'attach', droplet_id, ...(chance.is(0.2) ? { region } : {}) });
}

function detach(chance: Chance, around: Surroundings): Request {
  const volume = some(chance, around, ({ vm }) => vm !== null);
  if (volume === undefined) return create(chance, around);
  const droplet_id = volume.vm ?? chance.pick(around.vms) ?? 1;
  return act(volume, { type: 'detach', droplet_id });
}

function grow(chance: Chance, around: Surroundings): Request {
  const volume = some(chance, around, () => true);
  if (volume === undefined) return create(chance, around);
  return act(volume, { type: 'resize', size_gigabytes: volume.size + chance.between(0, 2) });
}

function read(chance: Chance, around: Surroundings): Request {
  const { memory, regions } = around;
  const get = (path: string): Request => ({ method: 'GET', path });
  const volume = some(chance, around, () => true);
  const action = chance.pick(memory.actions);
  const gone = chance.pick(memory.gone);
  const choices: (readonly [number, string])[] = [
    [2, '/v2/volumes?per_page=200'],
    [1, `/v2/volumes?region=${regions[0]}&per_page=5&page=2`],
    [0.5, '/v2/actions?per_page=10'],
    [0.5, '/v2/droplets'],
    [0.3, '/v2/account'],
    ...(volume === undefined
      ? []
      : ([
          [5, `/v2/volumes/${volume.id}`],
          [1, `/v2/volumes/${volume.id}/actions`],
          [1, `/v2/volumes?name=${volume.name}&region=${volume.region}`],
        ] as const)),
    ...(action === undefined ? [] : ([[4, `/v2/actions/${action.n}`]] as const)),
    ...(gone === undefined ? [] : ([[1, `/v2/volumes/${gone}`]] as const)),
  ];
  return get(chance.weighed(choices));
}

/** Another account's things must answer as what nobody has. */
function foreign(chance: Chance, { foreign: theirs, memory, foreignVms }: Surroundings): Request {
  const id = chance.pick([...theirs.volumes.keys()]) ?? '00000000-0000-4000-8000-000000000000';
  const action = chance.pick(theirs.actions);
  const own = chance.pick([...memory.volumes.keys()]) ?? id;
  const vm = chance.pick(foreignVms) ?? 999;
  return chance.weighed<Request>([
    [2, { method: 'GET', path: `/v2/volumes/${id}` }],
    [2, { method: 'DELETE', path: `/v2/volumes/${id}` }],
    [1, { method: 'POST', path: `/v2/volumes/${id}/actions`, body: { type: 'resize', size_gigabytes: 50 } }],
    [1, { method: 'POST', path: `/v2/volumes/${own}/actions`, body: { type: 'attach', droplet_id: vm } }],
    [1, { method: 'GET', path: `/v2/actions/${action?.n ?? 1}` }],
    [1, { method: 'GET', path: `/v2/droplets/${vm}` }],
  ]);
}

/** What can never be: refused, and without any effect. */
function nonsense(chance: Chance, around: Surroundings): Request {
  const { newName, regions } = around;
  const make = (body: object): Request => ({ method: 'POST', path: '/v2/volumes', body });
  const good = { name: newName(), size_gigabytes: 1, region: regions[0] };
  const volume = some(chance, around, () => true);
  const id = volume?.id ?? 'no-such-volume';
  return chance.weighed<Request>([
    [1, make({ ...good, name: 'Not A Name' })],
    [1, make({ ...good, size_gigabytes: 0 })],
    [1, make({ ...good, region: 'nowhere' })],
    [1, make({ ...good, filesystem_type: 'ext4' })],
    [1, make({ ...good, snapshot_id: '00000000-0000-4000-8000-000000000000' })],
    [1, { ...make(good), stranger: 'no token' }],
    [1, { ...make(good), stranger: 'wrong token' }],
    [1, { method: 'POST', path: `/v2/volumes/${id}/actions`, body: { type: 'explode' } }],
    [1, { method: 'POST', path: `/v2/volumes/${id}/actions`, body: { type: 'resize', size_gigabytes: 1 } }],
    [1, { method: 'DELETE', path: `/v2/volumes?name=${good.name}` }],
    [1, { method: 'GET', path: '/v2/volumes/no-such-volume' }],
  ]);
}
