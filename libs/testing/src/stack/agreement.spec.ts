import { createHash } from 'node:crypto';
import { disagreementsIn } from './agreement.js';

const account = '5d2f0a1c-3b4e-4f60-8a7b-9c0d1e2f3a4b';
const free = '0f4d7a51-0c2e-4b57-9d0b-6a1f6a3b0001';
const attached = '0f4d7a51-0c2e-4b57-9d0b-6a1f6a3b0002';
const gone = '0f4d7a51-0c2e-4b57-9d0b-6a1f6a3b0003';
const boot = '0f4d7a51-0c2e-4b57-9d0b-6a1f6a3b0004';
const nameKey = (name: string) =>
  `names/${account}/nyc1/volume/${createHash('sha256').update(name).digest('hex')}`;

interface Draft {
  registry: Map<string, object | string>;
  images: { pool: string; name: string; opened: { id: string; sizeGib: number } | null }[];
  trash: { pool: string; name: string }[];
  disks: { vm: number; file: string; sizeGib: number; isPlugged: boolean }[];
  subscriptions: { volume: string; account: string; sizeGib: number }[];
}

/** A system at rest: one volume by itself, one in a VM, one that was deleted. */
function atRest(): Draft {
  const record = { account, region: 'nyc1', imageId: 'abc', attachment: null };
  const records = [
    { ...record, id: free, name: 'free', sizeGib: 1 },
    { ...record, id: attached, name: 'attached', sizeGib: 2, attachment: { vm: 1 } },
  ];
  const pool = 'volumes-nyc1';
  return {
    registry: new Map<string, object | string>([
      ...records.map((one): [string, object] => [`volumes/${account}/${one.id}`, one]),
      ...records.map(({ id, name }): [string, string] => [nameKey(name), id]),
      ...[free, attached, gone].map((id): [string, string] => [`owners/${id}`, account]),
      [`tombstones/${gone}`, { id: gone, account, region: 'nyc1' }],
      [`usage/${account}`, { volumes: 2, gib: 3 }],
      ['vms/0000000001', { id: 1, slots: { [attached]: 'attached' } }],
      [`actions/${account}/1`, { n: 1, status: 'completed', resource: `volume/${free}` }],
      [`boots/${boot}`, { boot, name: 'api', state: 'alive' }],
      [`beats/${boot}`, { beats: 1 }],
    ]),
    images: records.map(({ id, sizeGib }) => ({
      pool,
      name: `volume-${id}`,
      opened: { id: 'abc', sizeGib },
    })),
    trash: [{ pool, name: `volume-${gone}` }],
    disks: [{ vm: 1, file: `json:{"image":"volume-${attached}"}`, sizeGib: 2, isPlugged: true }],
    subscriptions: records.map(({ id, sizeGib }) => ({ volume: id, account, sizeGib })),
  };
}

function judged(draft: Draft): readonly string[] {
  const registry = new Map([...draft.registry].map(([key, value]) => [key, { value, index: 1 }]));
  return disagreementsIn({ ...draft, registry });
}

describe('what a suite takes for agreement', () => {
  it('holds for a system at rest', () => {
    expect(judged(atRest())).toEqual([]);
  });

  it('holds whatever the order in which volumes were attached', () => {
    const draft = atRest();
    const record = draft.registry.get(`volumes/${account}/${free}`) as object;
    draft.registry.set(`volumes/${account}/${free}`, { ...record, attachment: { vm: 1 } });
    draft.registry.set('vms/0000000001', { id: 1, slots: { [attached]: 'attached', [free]: 'attached' } });
    draft.disks.push({ vm: 1, file: `volume-${free}`, sizeGib: 1, isPlugged: true });
    expect(judged(draft)).toEqual([]);
  });

  const orphan = { pool: 'volumes-lon1', name: `volume-${boot}` };
  const disk = { vm: 2, file: `volume-${free}`, sizeGib: 1, isPlugged: false };
  const cases: readonly (readonly [string, (draft: Draft) => unknown, string])[] = [
    [
      'a lane',
      ({ registry }) => registry.set(`lanes/volume/${free}`, { resource: 'r', entries: [] }),
      'has a lane',
    ],
    ['something owed', ({ registry }) => registry.set('owed/billing/x', {}), 'still owed'],
    [
      'an action in progress',
      ({ registry }) => registry.set(`actions/${account}/2`, { n: 2, status: 'in-progress' }),
      'in progress without a lane',
    ],
    ['a record without an image', ({ images }) => images.shift(), 'has no image'],
    [
      'an image without a record',
      ({ images }) => images.push({ ...orphan, opened: null }),
      'belongs to no volume',
    ],
    ['an image of another size', ({ images }) => (images[0]!.opened!.sizeGib = 2), 'has 2 GiB'],
    ['a stranger’s image', ({ images }) => (images[0]!.opened!.id = 'xyz'), 'its record says abc'],
    ['an image that cannot be opened', ({ images }) => (images[0]!.opened = null), 'cannot be opened'],
    ['an image thrown away by nobody', ({ trash }) => trash.push(orphan), 'without a tombstone'],
    ['an attachment without a disk', ({ disks }) => disks.pop(), 'no such disk'],
    ['a disk without an attachment', ({ disks }) => disks.push(disk), 'is detached'],
    ['a disk of no volume', ({ disks }) => disks.push({ ...disk, file: 'x' }), 'a disk of no volume'],
    ['a disk in another VM', ({ disks }) => (disks[0]!.vm = 2), 'belongs into VM 1'],
    ['a volume open twice', ({ disks }) => disks.push({ ...disk, file: disks[0]!.file }), 'a second time'],
    ['a disk of an older size', ({ disks }) => (disks[0]!.sizeGib = 1), 'shows 1 GiB'],
    ['a node without a device', ({ disks }) => (disks[0]!.isPlugged = false), 'no device has it'],
    [
      'a slot too many',
      ({ registry }) => registry.set('vms/0000000002', { id: 2, slots: { x: 'reserved' } }),
      'slots',
    ],
    ['no subscription', ({ subscriptions }) => subscriptions.pop(), 'no open subscription'],
    [
      'a subscription of another size',
      ({ subscriptions }) => (subscriptions[0]!.sizeGib = 9),
      'no such volume',
    ],
    [
      'a wrong counter',
      ({ registry }) => registry.set(`usage/${account}`, { volumes: 2, gib: 4 }),
      'counts 2',
    ],
    ['a name that is free', ({ registry }) => registry.delete(nameKey('free')), `is not ${free}'s`],
    ['a name that nobody has', ({ registry }) => registry.set(nameKey('x'), free), 'taken by no volume'],
    [
      'an id that came to nothing',
      ({ registry }) => registry.set(`owners/${boot}`, account),
      'neither a volume',
    ],
    [
      'a boot being fenced',
      ({ registry }) => registry.set(`boots/${boot}`, { boot, state: 'fencing' }),
      'is fencing',
    ],
    ['a beat of no boot', ({ registry }) => registry.delete(`boots/${boot}`), 'beat of no boot'],
  ];

  it.each(cases)('does not hold with %s', (_what, spoil, words) => {
    const draft = atRest();
    spoil(draft);
    expect(judged(draft).join('\n')).toContain(words);
  });
});
