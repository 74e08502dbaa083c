import { createHash } from 'node:crypto';
import type { FaultLine, LookLine, ReadingLine, RequestLine } from '../history.js';

export const account = '5d2f0a1c-3b4e-4f60-8a7b-9c0d1e2f3a4b';
export const other = '6d2f0a1c-3b4e-4f60-8a7b-9c0d1e2f3a4c';
/** Lives, grown and attached; was deleted; was deleted before it was made; is another account's. */
export const living = '0f4d7a51-0c2e-4b57-9d0b-6a1f6a3b0001';
export const dead = '0f4d7a51-0c2e-4b57-9d0b-6a1f6a3b0002';
export const unmade = '0f4d7a51-0c2e-4b57-9d0b-6a1f6a3b0003';
export const foreign = '0f4d7a51-0c2e-4b57-9d0b-6a1f6a3b0004';
export const boot = '0f4d7a51-0c2e-4b57-9d0b-6a1f6a3b0009';

export interface Draft {
  requests: RequestLine[];
  faults?: FaultLine[];
  looks: LookLine[];
  reading: ReadingLine;
}

export const wire = (id: string, name: string, size = 1, vms: number[] = []) => ({
  ...{ id, name, size_gigabytes: size, droplet_ids: vms },
  region: { slug: 'nyc1' },
});
export const shownAction = (id: number, type: string, status = 'in-progress') => ({
  action: { id, type, status },
});
export const act = (type: string, more: object) => ({ method: 'POST', body: { type, ...more }, status: 202 });
const creating = (name: string) => ({
  ...{ method: 'POST', path: '/v2/volumes' },
  body: { name, size_gigabytes: 1, region: 'nyc1' },
});

function requests(): RequestLine[] {
  const path = (id: string) => `/v2/volumes/${id}`;
  const all: Partial<RequestLine>[] = [
    { ...creating('living'), key: 'k1', status: 201, answer: { volume: wire(living, 'living') } },
    { ...creating('living'), key: 'k1', status: 201, answer: { volume: wire(living, 'living') } },
    {
      ...act('resize', { size_gigabytes: 2 }),
      path: `${path(living)}/actions`,
      answer: shownAction(102, 'resize_volume'),
    },
    { path: path(living), answer: { volume: wire(living, 'living', 2) } },
    {
      ...act('attach', { droplet_id: 7 }),
      path: `${path(living)}/actions`,
      answer: shownAction(103, 'attach_volume'),
    },
    { path: '/v2/actions/103', answer: shownAction(103, 'attach_volume', 'completed') },
    { path: path(living), answer: { volume: wire(living, 'living', 2, [7]) } },
    { path: '/v2/droplets/7', answer: { droplet: { id: 7, volume_ids: [living] } } },
    { ...creating('dead'), status: 201, answer: { volume: wire(dead, 'dead') } },
    { path: path(dead), answer: { volume: wire(dead, 'dead') } },
    { method: 'DELETE', path: path(dead), status: 204 },
    { path: path(dead), status: 404, answer: { message: 'not found' } },
    {
      path: '/v2/volumes?per_page=200',
      answer: { volumes: [wire(living, 'living', 2, [7])], meta: { total: 1 } },
    },
    {
      ...{ ...creating('unmade'), async: true, status: 202 },
      answer: { ...shownAction(106, 'create_volume'), links: { volume: { id: unmade } } },
    },
    {
      ...{ method: 'DELETE', path: path(unmade), async: true, status: 202 },
      answer: shownAction(107, 'delete_volume'),
    },
    { ...creating('foreign'), account: other, client: 'other-1', end: 'broken' },
    { path: path(foreign), status: 404, answer: { message: 'not found' } },
    {
      ...act('attach', { droplet_id: 7 }),
      path: `${path(living)}/actions`,
      status: 422,
      answer: { message: 'already' },
    },
    { ...creating('refused'), end: 'refused' },
    { ...creating('stranger'), account: null, status: 401, answer: { message: 'no' } },
    {
      ...{ ...creating('waited'), status: 503 },
      answer: { message: 'The request is recorded as action 109 and goes on. (pending)' },
    },
  ];
  return all.map((one, at) => ({
    ...{ line: 'request', n: at + 1, client: 'a-1', account, method: 'GET', path: '/' },
    ...{ from: at * 10, to: at * 10 + 5, end: 'answered' },
    ...(one.end === undefined ? { status: 200 } : {}),
    ...one,
  })); // The table above leaves out what is the same in all; check() is given nothing unparsed.
}

export const waited = '0f4d7a51-0c2e-4b57-9d0b-6a1f6a3b0005';
export const nameKey = (of: string, name: string) =>
  `names/${of}/nyc1/volume/${createHash('sha256').update(name).digest('hex')}`;

function registry(): Record<string, unknown> {
  const action = (
    n: number,
    type: string,
    volume: string,
    params: object,
    revAfter: number | null,
    status = 'completed',
  ) => [
    `actions/${account}/${n}`,
    {
      ...{
        n,
        account,
        type,
        params,
        status,
        revAfter,
        intent: `i${n}`,
        kind: type,
        resource: `volume/${volume}`,
      },
      ...{ startedAt: n, completedAt: n },
    },
  ];
  const made = (name: string) => ({ name, sizeGib: 1, region: 'nyc1' });
  const record = (of: string, id: string, name: string, more: object = {}) => [
    `volumes/${of}/${id}`,
    {
      id,
      account: of,
      name,
      region: 'nyc1',
      sizeGib: 1,
      imageId: `image-${name}`,
      attachment: null,
      rev: 1,
      ...more,
    },
  ];
  const tombstone = (id: string, rev: number) => [`tombstones/${id}`, { id, account, region: 'nyc1', rev }];
  const [, theirs] = action(108, 'create_volume', foreign, made('foreign'), 1) as [string, object];
  return Object.fromEntries([
    action(101, 'create_volume', living, made('living'), 1),
    action(102, 'resize_volume', living, { sizeGib: 2 }, 2),
    action(103, 'attach_volume', living, { vm: 7 }, 3),
    action(104, 'create_volume', dead, made('dead'), 1),
    action(105, 'delete_volume', dead, {}, 2),
    action(106, 'create_volume', unmade, made('unmade'), null, 'errored'),
    action(107, 'delete_volume', unmade, {}, null),
    [`actions/${other}/108`, { ...theirs, account: other }],
    action(109, 'create_volume', waited, made('waited'), 1),
    record(account, living, 'living', { sizeGib: 2, attachment: { vm: 7 }, rev: 3 }),
    record(account, waited, 'waited'),
    record(other, foreign, 'foreign'),
    tombstone(dead, 2),
    tombstone(unmade, 1),
    ...[living, dead, unmade, waited].map((id) => [`owners/${id}`, account]),
    [`owners/${foreign}`, other],
    [nameKey(account, 'living'), living],
    [nameKey(account, 'waited'), waited],
    [nameKey(other, 'foreign'), foreign],
    [`usage/${account}`, { volumes: 2, gib: 3 }],
    [`usage/${other}`, { volumes: 1, gib: 1 }],
    [`accounts/${account}`, { id: account, limits: { volumes: 5, gib: 5 } }],
    ['vms/0000000007', { id: 7, account, slots: { [living]: 'attached' } }],
    [`boots/${boot}`, { boot, name: 'api', state: 'alive' }],
    [`beats/${boot}`, { beats: 1 }],
  ]) as Record<string, unknown>;
}

export const pool = 'volumes-nyc1';
export const disk = (vm = 7, sizeGib = 2) => ({
  vm,
  file: `json:{"image":"volume-${living}"}`,
  sizeGib,
  isPlugged: true,
});
const look = (vm: number, from: number, disks: LookLine['disks']): LookLine => ({
  line: 'look',
  vm,
  from,
  to: from + 1,
  disks,
});

/** A short life that is as it must be. */
export function good(): Draft {
  const image = (id: string, name: string, sizeGib = 1) => ({
    ...{ pool, name: `volume-${id}` },
    opened: { id: `image-${name}`, sizeGib },
  });
  return {
    requests: requests(),
    looks: [look(7, 1, [disk(7, 1)]), look(8, 3, []), look(7, 5, [disk()])],
    reading: {
      ...{ line: 'reading', round: 1, restedAt: 1_000, agreedMs: 900, from: 1_900, to: 2_000 },
      registry: { changed: registry(), gone: [] },
      images: [image(living, 'living', 2), image(waited, 'waited'), image(foreign, 'foreign')],
      trash: [{ pool, name: `volume-${dead}` }],
      disks: [disk()],
      guests: [{ vm: 7, name: 'sda', sizeGib: 2, identity: 'living' }],
      silent: [],
      subscriptions: [
        { volume: living, account, sizeGib: 2 },
        { volume: waited, account, sizeGib: 1 },
        { volume: foreign, account: other, sizeGib: 1 },
      ],
    },
  };
}
