import { createHash } from 'node:crypto';
import { check } from './check.js';
import { historyOf } from './history-file.js';
import {
  historyLine,
  type HistoryLine,
  type LookLine,
  type ReadingLine,
  type RequestLine,
} from './history.js';

const account = '5d2f0a1c-3b4e-4f60-8a7b-9c0d1e2f3a4b';
const other = '6d2f0a1c-3b4e-4f60-8a7b-9c0d1e2f3a4c';
/** Lives, grown and attached; was deleted; was deleted before it was made; is another account's. */
const living = '0f4d7a51-0c2e-4b57-9d0b-6a1f6a3b0001';
const dead = '0f4d7a51-0c2e-4b57-9d0b-6a1f6a3b0002';
const unmade = '0f4d7a51-0c2e-4b57-9d0b-6a1f6a3b0003';
const foreign = '0f4d7a51-0c2e-4b57-9d0b-6a1f6a3b0004';
const boot = '0f4d7a51-0c2e-4b57-9d0b-6a1f6a3b0009';

interface Draft {
  requests: RequestLine[];
  looks: LookLine[];
  reading: ReadingLine;
}

const wire = (id: string, name: string, size = 1, vms: number[] = []) => ({
  ...{ id, name, size_gigabytes: size, droplet_ids: vms },
  region: { slug: 'nyc1' },
});
const shownAction = (id: number, type: string, status = 'in-progress') => ({ action: { id, type, status } });
const act = (type: string, more: object) => ({ method: 'POST', body: { type, ...more }, status: 202 });
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
  })) as RequestLine[]; // The table above leaves out what is the same in all; check() is given nothing unparsed.
}

const waited = '0f4d7a51-0c2e-4b57-9d0b-6a1f6a3b0005';
const nameKey = (of: string, name: string) =>
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

const pool = 'volumes-nyc1';
const disk = (vm = 7, sizeGib = 2) => ({
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
function good(): Draft {
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
      subscriptions: [
        { volume: living, account, sizeGib: 2 },
        { volume: waited, account, sizeGib: 1 },
        { volume: foreign, account: other, sizeGib: 1 },
      ],
    },
  };
}

function judged({ requests: asked, looks, reading }: Draft): readonly string[] {
  const run: HistoryLine = {
    ...{ line: 'run', format: 1, seed: 1, minutes: 1, rate: 1, faults: [], at: 0 },
    ...{ accounts: [], vms: [], processes: ['api'] },
  };
  const lines = [run, ...asked, ...looks, reading].map((line) =>
    historyLine.parse(JSON.parse(JSON.stringify(line))),
  );
  return check(historyOf(lines)).findings.map(({ rule, volume, what }) => `${rule} ${volume ?? ''} ${what}`);
}

/** An entry of the registry, to be changed in place. */
function entry(draft: Draft, key: string): Record<string, unknown> {
  return draft.reading.registry.changed[key] as Record<string, unknown>; // Entries are objects, but for names and owners.
}
const actionOf = (draft: Draft, n: number) => entry(draft, `actions/${account}/${n}`);
const drop = (draft: Draft, key: string) => delete draft.reading.registry.changed[key];
const put = (draft: Draft, key: string, value: unknown) => void (draft.reading.registry.changed[key] = value);
const request = (draft: Draft, n: number): RequestLine => draft.requests[n - 1]!;
const recordKey = `volumes/${account}/${living}`;
/** One more request, after all others. */
const ask = (draft: Draft, one: Partial<RequestLine>) => {
  const n = draft.requests.length + 1;
  draft.requests.push({ ...request(draft, 1), n, from: 900, to: 905, ...one });
};

describe('the checker', () => {
  it('finds nothing in a history that is as it must be', () => {
    expect(judged(good())).toEqual([]);
  });

  const planted: readonly (readonly [string, (draft: Draft) => unknown, string])[] = [
    // What became of requests.
    ['a create that was acknowledged and is lost', (d) => drop(d, `actions/${account}/101`), 'R1'],
    ['an action that was acknowledged and is lost', (d) => drop(d, `actions/${account}/102`), 'R1'],
    ['a delete that was acknowledged and never was', (d) => drop(d, `actions/${account}/105`), 'R1'],
    [
      'an action that nobody asked for',
      (d) =>
        put(d, `actions/${account}/999`, { ...actionOf(d, 102), n: 999, revAfter: null, status: 'errored' }),
      'comes from no request',
    ],
    [
      'a request that was refused and took effect',
      (d) =>
        put(d, `actions/${account}/999`, {
          ...actionOf(d, 104),
          n: 999,
          resource: `volume/${boot}`,
          params: { name: 'refused', sizeGib: 1, region: 'nyc1' },
        }),
      'R2',
    ],
    [
      'what nobody could say, happened twice',
      (d) =>
        put(d, `actions/${other}/999`, {
          ...entry(d, `actions/${other}/108`),
          n: 999,
          resource: `volume/${boot}`,
        }),
      'made another already',
    ],
    ['one key that made two volumes', (d) => (request(d, 2).answer = { volume: wire(dead, 'dead') }), 'R3'],
    [
      'one action for two requests',
      (d) =>
        ask(d, {
          ...act('resize', { size_gigabytes: 2 }),
          path: `/v2/volumes/${living}/actions`,
          answer: shownAction(102, 'resize_volume'),
        } as Partial<RequestLine>),
      'acknowledged to two requests',
    ],
    [
      'something else than was asked for',
      (d) => (actionOf(d, 102)['params'] = { sizeGib: 5 }),
      'is not what was asked',
    ],
    ['what was waited for in vain, and is lost', (d) => drop(d, `actions/${account}/109`), 'R1'],
    // The chain of versions.
    ['a version that nobody made', (d) => (entry(d, recordKey)['rev'] = 4), 'is at version 4'],
    ['a version made twice', (d) => (actionOf(d, 103)['revAfter'] = 2), 'C1'],
    ['an action without a version', (d) => (actionOf(d, 103)['revAfter'] = null), 'has made no version'],
    [
      'an errored action with a version',
      (d) => (actionOf(d, 103)['status'] = 'errored'),
      'errored and made a version',
    ],
    [
      'effects in another order than asked',
      (d) =>
        Object.assign(d, {
          requests: d.requests.map((one) => (one.n === 3 ? { ...one, from: 600, to: 605 } : one)),
        }),
      'took effect after it',
    ],
    [
      'an attach on top of another',
      (d) => put(d, `actions/${account}/102`, { ...actionOf(d, 103), n: 102, params: { vm: 8 } }),
      'was attached to VM 8',
    ],
    [
      'a record that is not what its actions lead to',
      (d) => (entry(d, recordKey)['sizeGib'] = 1),
      'its actions lead to',
    ],
    ['an id that was minted twice', (d) => (actionOf(d, 104)['resource'] = `volume/${living}`), 'V7'],
    // What clients were shown.
    [
      'a client that goes back in time',
      (d) =>
        ask(d, {
          method: 'GET',
          path: `/v2/volumes/${living}`,
          status: 200,
          answer: { volume: wire(living, 'living', 1) },
        }),
      'before version 3',
    ],
    [
      'a volume as it never was',
      (d) => (request(d, 4).answer = { volume: wire(living, 'living', 77) }),
      'as it never was',
    ],
    [
      'a volume as it was asked to be later',
      (d) => (request(d, 4).answer = { volume: wire(living, 'living', 2, [7]) }),
      'only asked to be later',
    ],
    [
      'a volume that is there again',
      (d) =>
        ask(d, {
          method: 'GET',
          path: `/v2/volumes/${dead}`,
          status: 200,
          answer: { volume: wire(dead, 'dead') },
        }),
      'V2',
    ],
    [
      'a volume that was there, and is not found',
      (d) => ask(d, { method: 'GET', path: `/v2/volumes/${living}`, status: 404 }),
      'not there',
    ],
    [
      'a list that leaves one out',
      (d) => (request(d, 13).answer = { volumes: [], meta: { total: 0 } }),
      'not in the list of all',
    ],
    [
      'an action that turns back',
      (d) =>
        ask(d, {
          method: 'GET',
          path: '/v2/actions/103',
          status: 200,
          answer: shownAction(103, 'attach_volume'),
        }),
      'was completed and is in-progress',
    ],
    [
      'an action shown to have ended otherwise',
      (d) => (request(d, 6).answer = shownAction(103, 'attach_volume', 'errored')),
      'is shown as errored',
    ],
    [
      'a disk in a VM that never had it',
      (d) => (request(d, 8).answer = { droplet: { id: 9, volume_ids: [living] } }),
      'in VM 9',
    ],
    ['an answer about a foreign volume', (d) => (request(d, 17).status = 409), 'B3'],
    [
      'an answer that tells of a foreign volume',
      (d) => (request(d, 18).answer = { message: `${foreign} has it` }),
      'B3',
    ],
    ['an answer to nobody', (d) => (request(d, 20).status = 422), 'without a valid token'],
    // What the sources said.
    ['a volume in two VMs', (d) => (d.looks[1]!.disks = [disk(8)]), 'V4'],
    ['a volume twice in one VM', (d) => (d.looks[1]!.disks = [disk(8), disk(8)]), 'V4'],
    ['a disk that shrinks', (d) => (d.looks[0]!.disks = [disk(7, 3)]), 'V5'],
    ['agreement that came too late', (d) => (d.reading.agreedMs = 61_000), 'it took 61 s'],
    [
      'a lane',
      (d) =>
        put(d, `lanes/volume/${living}`, {
          resource: `volume/${living}`,
          entries: [{ intent: 'x', kind: 'k', attempt: null, tries: 0, parked: null }],
        }),
      'is not settled',
    ],
    [
      'an intent parked by our own mistake',
      (d) =>
        put(d, `lanes/volume/${living}`, {
          resource: `volume/${living}`,
          entries: [
            { intent: 'x', kind: 'k', attempt: null, tries: 0, parked: { reason: 'invariant', detail: 'd' } },
          ],
        }),
      'is parked: invariant',
    ],
    ['something owed', (d) => put(d, 'owed/billing/x', {}), 'still owed'],
    [
      'an action in progress without a lane',
      (d) => (actionOf(d, 103)['status'] = 'in-progress'),
      'without a lane',
    ],
    ['a record without an image', (d) => d.reading.images.shift(), 'V1'],
    ['an image that cannot be opened', (d) => (d.reading.images[0]!.opened = null), 'V1'],
    ['another image of that name', (d) => (d.reading.images[0]!.opened!.id = 'x'), 'V1'],
    ['an image smaller than its record', (d) => (d.reading.images[0]!.opened!.sizeGib = 1), 'V5'],
    [
      'an image of nobody',
      (d) => d.reading.images.push({ pool, name: `volume-${dead}`, opened: null }),
      'belongs to no volume',
    ],
    [
      'something in the trash that nobody deleted',
      (d) => d.reading.trash.push({ pool, name: `volume-${living}` }),
      'without a tombstone',
    ],
    ['an attachment without a disk', (d) => d.reading.disks.pop(), 'no such disk'],
    [
      'a disk without an attachment',
      (d) => d.reading.disks.push({ ...disk(), file: `volume-${waited}` }),
      'is detached',
    ],
    ['a node without a device', (d) => (d.reading.disks[0]!.isPlugged = false), 'no device has it'],
    ['a disk of no volume', (d) => d.reading.disks.push({ ...disk(), file: 'x' }), 'a disk of no volume'],
    ['a guest that sees no disk', (d) => d.reading.guests.pop(), 'whose guest sees no such disk'],
    [
      'a guest that sees a disk too many',
      (d) => d.reading.guests.push({ vm: 8, name: 'sda', sizeGib: 1, identity: 'waited' }),
      'the guest of VM 8 sees it',
    ],
    ['no subscription', (d) => d.reading.subscriptions.shift(), 'is not open'],
    [
      'a subscription of nobody',
      (d) => d.reading.subscriptions.push({ volume: dead, account, sizeGib: 1 }),
      'open subscription and no record',
    ],
    ['a wrong counter', (d) => (entry(d, `usage/${account}`)['gib'] = 9), 'counts 2 volumes, 9 GiB'],
    [
      'an account over its quota',
      (d) => (entry(d, `accounts/${account}`)['limits'] = { volumes: 1, gib: 5 }),
      'B2',
    ],
    [
      'a slot too many',
      (d) => (entry(d, 'vms/0000000007')['slots'] = { [living]: 'attached', [dead]: 'reserved' }),
      'has a slot in VM 7',
    ],
    ['a slot too few', (d) => (entry(d, 'vms/0000000007')['slots'] = {}), 'has no slot'],
    ['a name that is free', (d) => drop(d, nameKey(account, 'living')), 'is not its own'],
    ['a name that nobody has', (d) => put(d, nameKey(account, 'x'), dead), 'taken by no volume'],
    ['an id that came to nothing', (d) => drop(d, `tombstones/${unmade}`), 'neither a volume nor buried'],
    [
      'a volume with a tombstone',
      (d) => put(d, `tombstones/${living}`, { ...entry(d, `tombstones/${dead}`), id: living }),
      'has a tombstone',
    ],
    ['a volume without an owner', (d) => drop(d, `owners/${waited}`), 'has no owner'],
    ['a boot that is being fenced', (d) => (entry(d, `boots/${boot}`)['state'] = 'fencing'), 'is fencing'],
    ['a process without a boot', (d) => drop(d, `boots/${boot}`), 'api has 0 boots'],
  ];

  it.each(planted)('refuses %s', (_what, spoil, words) => {
    const draft = good();
    spoil(draft);
    expect(judged(draft).join('\n')).toContain(words);
  });

  it('counts an image that shrank between two rests', () => {
    const { requests: asked, reading } = good();
    const earlier: ReadingLine = JSON.parse(JSON.stringify(reading)) as ReadingLine;
    earlier.images[0]!.opened!.sizeGib = 3;
    const lines: HistoryLine[] = [...asked, earlier, reading];
    expect(check(historyOf(lines)).findings.map(({ rule }) => rule)).toContain('V5');
  });
});
