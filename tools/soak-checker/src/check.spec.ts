import { check } from './check.js';
import { historyOf } from './history-file.js';
import type { HistoryLine, ReadingLine } from './history.js';
import { actionOf, ask, drop, entry, judged, put, request } from './testing/draft.js';
import {
  account,
  act,
  boot,
  dead,
  disk,
  foreign,
  good,
  living,
  nameKey,
  other,
  pool,
  shownAction,
  unmade,
  waited,
  wire,
  type Draft,
} from './testing/good-history.js';

const recordKey = `volumes/${account}/${living}`;
const ofScrubber = (draft: Draft, volume: string, type: string, revAfter: number) => ({
  ...actionOf(draft, 103),
  ...{ n: 110, intent: 'i110', kind: type, type, resource: `volume/${volume}`, params: {}, revAfter },
});
const repaired = (draft: Draft) => {
  draft.faults = [{ line: 'fault', id: 1, kind: 'kill-vm', target: 'vm-1', what: 'begin', at: 50 }];
  put(draft, `internal-actions/${account}/110`, ofScrubber(draft, living, 'repair_disk', 4));
  entry(draft, recordKey)['rev'] = 4;
};
const purged = (draft: Draft, volume: string, rev: number) => {
  put(draft, `internal-actions/${account}/11${rev}`, ofScrubber(draft, volume, 'purge_volume', rev));
  drop(draft, `tombstones/${volume}`);
  draft.reading.trash = draft.reading.trash.filter(({ name }) => !name.endsWith(volume));
};

describe('the checker', () => {
  it('finds nothing in a history that is as it must be', () => {
    expect(judged(good())).toEqual([]);
  });

  it('takes what the scrubber did for no lie of anybody', () => {
    const draft = good();
    repaired(draft);
    const shown = { facet: 'qemu.device', class: 'missing', key: 'x', volume: living, state: 'repaired' };
    put(draft, 'discrepancies/qemu.device/x', shown);
    purged(draft, dead, 3);
    purged(draft, unmade, 2);
    expect(judged(draft)).toEqual([]);
  });

  it('keeps the actions of two accounts apart that have one number', () => {
    const draft = good();
    for (const key of [`volumes/${other}/${foreign}`, nameKey(other, 'foreign')]) drop(draft, key);
    put(draft, `tombstones/${foreign}`, { id: foreign, account: other, region: 'nyc1', rev: 2 });
    put(draft, `usage/${other}`, { volumes: 0, gib: 0 });
    const deleted = { resource: `volume/${foreign}`, account: other, status: 'completed', revAfter: 2 };
    put(draft, `actions/${other}/107`, { ...actionOf(draft, 107), ...deleted });
    const { images, subscriptions } = draft.reading;
    draft.reading.images = images.filter(({ name }) => !name.includes(foreign));
    draft.reading.subscriptions = subscriptions.filter(({ volume }) => volume !== foreign);
    const theirs = { account: other, client: 'other-1', status: 204, answer: undefined };
    ask(draft, { ...theirs, method: 'DELETE', path: '/v2/volumes?name=foreign&region=nyc1' });
    expect(judged(draft)).toEqual([]);
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
        }),
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
    [
      'a repair that made a version which is not the next',
      (d) => {
        repaired(d);
        entry(d, `internal-actions/${account}/110`)['revAfter'] = 5;
      },
      'where 4 is next',
    ],
    [
      'a repair that came to nothing, and made a version',
      (d) => {
        repaired(d);
        entry(d, `internal-actions/${account}/110`)['status'] = 'errored';
      },
      'is errored and made version 4',
    ],
    [
      'a disk that was repaired, and no VM had died',
      (d) => {
        repaired(d);
        d.faults = [];
      },
      'A3',
    ],
    [
      'a purge of what lives',
      (d) => put(d, `internal-actions/${account}/111`, ofScrubber(d, living, 'purge_volume', 4)),
      'V3',
    ],
    [
      'a volume that is gone, and was never purged',
      (d) => drop(d, `tombstones/${dead}`),
      'is neither a volume nor buried',
    ],
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
    ['a guest that does not answer', (d) => d.reading.silent.push(7), 'guest of VM 7 does not answer'],
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

  it('takes all requests of one key for one, of which the first may have been heard by nobody', () => {
    const draft = good();
    draft.requests[0] = { ...draft.requests[0]!, from: -1_000, end: 'broken', status: undefined };
    draft.requests[1] = { ...draft.requests[1]!, from: 950, to: 955 };
    expect(judged(draft)).toEqual([]);
  });

  it('is not content with a history in which nothing was acknowledged', () => {
    const draft = good();
    const { registry } = draft.reading;
    draft.requests = [];
    for (const key of Object.keys(registry.changed)) if (!key.startsWith('boots/')) drop(draft, key);
    Object.assign(draft.reading, { images: [], trash: [], disks: [], guests: [], subscriptions: [] });
    expect(judged({ ...draft, looks: [] })).toEqual([expect.stringContaining('reached')]);
  });

  it('counts an image that shrank between two rests', () => {
    const { requests: asked, reading } = good();
    const earlier: ReadingLine = JSON.parse(JSON.stringify(reading)) as ReadingLine;
    earlier.images[0]!.opened!.sizeGib = 3;
    const lines: HistoryLine[] = [...asked, earlier, reading];
    expect(check(historyOf(lines)).findings.map(({ rule }) => rule)).toContain('V5');
  });
});
