import type { Lane } from '@plumbline/domain';
import type { RegistryEntry, Seen as Everything } from '@plumbline/testing';
import type { Sight } from '../points/wire.js';
import type { Seen } from './desk.js';
import { History, instantViolations, lateViolations } from './judge.js';

const id = '0f4d7a51-0c2e-4b57-9d0b-6a1f6a3b0001';
const resource = `volume/${id}`;
const image = { pool: 'volumes-nyc1', name: `volume-${id}` };
const record = { id, region: 'nyc1', imageId: 'abc', sizeGib: 2, rev: 3, attachment: { vm: 1 } };
const head = { intent: 'a', turns: 1, ledger: [], attempt: { boot: 'b', nonce: 'n', turn: 1 }, params: {} };

interface Draft {
  record: object;
  lanes: object[];
  opened: { id: string; sizeGib: number } | null;
  trash: Everything['trash'];
  disks: Everything['disks'];
}

function registryOf({
  record: one,
  lanes,
}: Pick<Draft, 'record' | 'lanes'>): ReadonlyMap<string, RegistryEntry> {
  const lane = { resource, entries: lanes } as unknown as Lane;
  const all: [string, unknown][] = [[`volumes/x/${id}`, one]];
  if (lanes.length > 0) all.push([`lanes/${resource}`, lane]);
  return new Map(all.map(([key, value]) => [key, { value, index: 1 }]));
}

function brokenBy(spoil: (draft: Draft) => unknown): readonly string[] {
  const disk = { vm: 1, file: `volume-${id}`, sizeGib: 2, isPlugged: true };
  const draft: Draft = { record, lanes: [], opened: { id: 'abc', sizeGib: 2 }, trash: [], disks: [disk] };
  spoil(draft);
  const images = [{ ...image, opened: draft.opened }];
  const seen = {
    registry: registryOf(draft),
    images,
    trash: draft.trash,
    disks: draft.disks,
    subscriptions: [],
  };
  return instantViolations(seen).map(({ invariant }) => invariant);
}

describe('what must hold at any instant', () => {
  const disk = { vm: 2, file: `volume-${id}`, sizeGib: 2, isPlugged: false };
  const cases: readonly (readonly [string, (draft: Draft) => unknown, readonly string[]])[] = [
    ['a volume in its VM', () => undefined, []],
    [
      'a volume on its way into a VM',
      (draft) => {
        draft.record = { ...record, attachment: null };
        draft.lanes = [{ ...head, params: { vm: 1 } }];
      },
      [],
    ],
    ['a larger image', (draft) => (draft.opened = { id: 'abc', sizeGib: 5 }), []],
    ['an image that does not open', (draft) => (draft.opened = null), ['V1']],
    ['another image', (draft) => (draft.opened = { id: 'xyz', sizeGib: 2 }), ['V1']],
    [
      'an image that is too small',
      (draft) => {
        draft.opened = { id: 'abc', sizeGib: 1 };
        draft.disks = [];
      },
      ['V5'],
    ],
    ['an image in the trash', (draft) => (draft.trash = [image]), ['V3']],
    ['a disk that nobody claims', (draft) => (draft.record = { ...record, attachment: null }), ['V4']],
    ['a disk in a second VM', (draft) => (draft.disks = [...draft.disks, disk]), ['V4', 'V4']],
    ['a VM that sees too much', (draft) => (draft.disks = [{ ...disk, vm: 1, sizeGib: 3 }]), ['V5']],
  ];
  it.each(cases)('is told of %s', (_what, spoil, invariants) => {
    expect(brokenBy(spoil)).toEqual(invariants);
  });
});

describe('what must hold from one reading to the next', () => {
  const next = { ...head, turns: 2, attempt: { boot: 'c', nonce: 'm', turn: 2 } };
  const waiting = { ...head, intent: 'b', turns: 0, attempt: null };
  const readings: readonly (readonly [string, readonly Partial<Draft>[], readonly string[]])[] = [
    [
      'a turn that was taken over',
      [{ lanes: [head, waiting] }, { lanes: [next, waiting] }, { lanes: [waiting] }],
      [],
    ],
    ['a turn that came back', [{ lanes: [head] }, { lanes: [next] }, { lanes: [head] }], ['C2', 'C2']],
    ['two attempts in one turn', [{ lanes: [head] }, { lanes: [{ ...next, turns: 1 }] }], ['C2']],
    ['an intent that began out of its turn', [{ lanes: [waiting, next] }], ['C1']],
    [
      'intents that changed places',
      [
        { lanes: [head, waiting, { ...waiting, intent: 'c' }] },
        { lanes: [head, { ...waiting, intent: 'c' }, waiting] },
      ],
      ['C1'],
    ],
    ['a record that went back', [{}, { record: { ...record, rev: 2 } }], ['V2']],
    ['a record that shrank', [{}, { record: { ...record, rev: 4, sizeGib: 1 } }], ['V5']],
  ];
  it.each(readings)('is told of %s', (_what, all, invariants) => {
    const history = new History();
    for (const one of all) history.take(registryOf({ record, lanes: [], ...one }));
    expect(history.violations.map(({ invariant }) => invariant)).toEqual(invariants);
  });

  it('is told of a record that rose from its tombstone', () => {
    const history = new History();
    history.take(new Map([[`tombstones/${id}`, { value: { id }, index: 1 }]]));
    history.take(registryOf({ record, lanes: [] }));
    expect(history.violations.map(({ invariant }) => invariant)).toEqual(['V7']);
  });
});

describe('what a worker may still do when another has begun', () => {
  const seen = (...all: readonly (readonly [Sight, turn: number])[]): readonly Seen[] =>
    all.map(([saw, turn], order) => {
      const doing = { resource, kind: 'k', intent: 'a', move: 'prepare/0', turn, changes: true } as const;
      return { saw, doing, by: '', boot: `boot-${turn}`, order };
    });
  const cases: readonly (readonly [string, readonly Seen[], readonly string[]])[] = [
    ['nothing, after it has begun', seen(['sent', 1], ['sent', 2], ['returned', 2]), []],
    ['to fail', seen(['sent', 2], ['returned', 2], ['sent', 1], ['failed', 1]), []],
    ['to hear of what it sent before', seen(['sent', 1], ['sent', 2], ['returned', 1]), []],
    ['not to have an effect', seen(['sent', 2], ['sent', 1], ['returned', 1]), ['C4']],
    ['not to write twice', seen(['sent', 1], ['returned', 1], ['doubled', 1]), ['C3']],
  ];
  it.each(cases)('is %s', (_what, all, invariants) => {
    expect(lateViolations(all).map(({ invariant }) => invariant)).toEqual(invariants);
  });
});
