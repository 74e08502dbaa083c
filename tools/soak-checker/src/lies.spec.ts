import fc from 'fast-check';
import { check } from './check.js';
import type { Finding } from './finding.js';
import { historyOf } from './history-file.js';
import { historyLine, type HistoryLine } from './history.js';
import type { Draft } from './testing/good-history.js';
import { CLIENTS, SmallSystem, VMS, kinds, owner, type Asked, type Lie } from './testing/small-system.js';

function judged({ looks, reading, requests }: Draft): readonly Finding[] {
  const run: HistoryLine = {
    ...{ line: 'run', format: 1, seed: 1, minutes: 1, rate: 1, faults: [], at: 0 },
    ...{ accounts: [], vms: [], processes: ['api'] },
  };
  const lines = [run, ...requests, ...looks, reading];
  return check(historyOf(lines.map((line) => historyLine.parse(JSON.parse(JSON.stringify(line)))))).findings;
}

const asked = fc.record<Asked>({
  what: fc.constantFrom(...kinds),
  client: fc.nat(CLIENTS - 1),
  volume: fc.nat(5),
  vm: fc.nat(VMS.length - 1),
  by: fc.integer({ min: 1, max: 3 }),
  ending: fc.constantFrom('heard', 'heard', 'broken'),
});

/** A life of the first volume with everything in it that somebody can lie about; then it is as chance wants it. */
const known: readonly Asked[] = (
  ['create', 'look', 'grow', 'look', 'grow', 'look', 'attach', 'look', 'create', 'create'] as const
).map((what, at) => ({ what, client: 0, volume: 0, vm: 0, by: 1 + (at % 2), ending: 'heard' }));
const scripts = fc
  .array(asked, { maxLength: 40 })
  .map((random) => [...known, ...random.map((one) => ({ ...one, volume: one.volume + 1 }))]);

const RUNS = { numRuns: 25 };

/** Of several one, by chance. */
const oneOf = <T>(all: readonly T[], nth: number): T => {
  fc.pre(all.length > 0);
  return all[nth % all.length]!;
};
const changed = (draft: Draft, prefix: string) =>
  Object.entries(draft.reading.registry.changed)
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, value]) => ({ key, value: value as Record<string, unknown> })); // Owners and names are not asked for here.
const volumesOf = (draft: Draft) => changed(draft, 'volumes/');
const volumeOf = (text: unknown): string => /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(String(text))![0];
const remove = (draft: Draft, key: string) => void delete draft.reading.registry.changed[key];

interface Told {
  /** Any of these is the right name for it. */
  readonly rules: readonly string[];
  readonly volume?: string;
}
type Tell = (draft: Draft, nth: number) => Told;

/** What a history can be made to say that is not so. */
const lies: Readonly<Record<string, Tell>> = {
  'an action is missing'(draft, nth) {
    const { key, value } = oneOf(changed(draft, 'actions/'), nth);
    remove(draft, key);
    return { rules: ['R1', 'V7', 'C1'], volume: volumeOf(value['resource']) };
  },
  'an action is there that nobody asked for'(draft, nth) {
    // A delete that was answered 404 explains one that ended so.
    const others = changed(draft, 'actions/').filter(({ value }) => value['type'] !== 'delete_volume');
    const { value } = oneOf(others, nth);
    const more = { ...value, n: 999, status: 'errored', revAfter: null };
    draft.reading.registry.changed[`actions/${owner}/999`] = more;
    return { rules: ['R1', 'R2'], volume: volumeOf(value['resource']) };
  },
  'a client is shown what it was shown to be no more'(draft, nth) {
    const shown = draft.requests.filter(({ method, path, answer }) => {
      const seen = (answer as { volume?: { size_gigabytes: number } } | undefined)?.volume;
      return method === 'GET' && path.startsWith('/v2/volumes/') && seen !== undefined;
    });
    const sizeOf = (at: number) =>
      (shown[at]!.answer as { volume: { size_gigabytes: number } }).volume.size_gigabytes;
    const pairs = shown.flatMap((late, at) =>
      shown
        .slice(0, at)
        .filter((early, before) => {
          const { client, path, to } = early;
          return (
            client === late.client && path === late.path && to < late.from && sizeOf(before) < sizeOf(at)
          );
        })
        .map((early) => ({ early, late })),
    );
    const { early, late } = oneOf(pairs, nth);
    const n = draft.requests.length + 1;
    const after = Math.max(...draft.requests.map(({ to }) => to));
    draft.requests.push({ ...late, n, from: after + 1, to: after + 2, answer: early.answer });
    return { rules: ['V2'], volume: volumeOf(late.path) };
  },
  'two effects have changed places'(draft, nth) {
    const actions = changed(draft, 'actions/').map(({ value }) => value);
    const heard = (n: unknown) =>
      draft.requests.find(
        ({ answer }) => (answer as { action?: { id: number } } | undefined)?.action?.id === n,
      );
    const pairs = actions.flatMap((one) =>
      actions
        .filter((other) => {
          const isNext =
            other['resource'] === one['resource'] &&
            Number(other['revAfter']) === Number(one['revAfter']) + 1;
          const [first, second] = [heard(one['n']), heard(other['n'])];
          return isNext && first !== undefined && second !== undefined && first.to < second.from;
        })
        .map((other) => ({ one, other })),
    );
    const { one, other } = oneOf(pairs, nth);
    [one['revAfter'], other['revAfter']] = [other['revAfter'], one['revAfter']];
    return { rules: ['C1'], volume: volumeOf(one['resource']) };
  },
  'a volume is in two VMs'(draft, nth) {
    const held = draft.looks.flatMap((look, at) => look.disks.map((disk) => ({ at, disk })));
    const spans = held.filter(({ at, disk }) => {
      const again = draft.looks[at + 2];
      return again?.disks.some(({ file }) => file === disk.file);
    });
    const { at, disk } = oneOf(spans, nth);
    const other = draft.looks[at + 1]!;
    other.disks = [...other.disks, { ...disk, vm: other.vm }];
    return { rules: ['V4'], volume: volumeOf(disk.file) };
  },
  'a volume is in one VM twice'(draft, nth) {
    const look = oneOf(
      draft.looks.filter(({ disks }) => disks.length > 0),
      nth,
    );
    look.disks = [...look.disks, look.disks[0]!];
    return { rules: ['V4'], volume: volumeOf(look.disks[0]!.file) };
  },
  'a disk shrinks'(draft, nth) {
    const held = draft.looks.flatMap((look, at) => look.disks.map((disk) => ({ look, at, disk })));
    const grown = held.filter(({ at, disk }) =>
      held.some((one) => one.at < at && one.disk.file === disk.file),
    );
    const { disk, look } = oneOf(grown, nth);
    look.disks = look.disks.map((one) => (one === disk ? { ...one, sizeGib: 0.5 } : one));
    return { rules: ['V5'], volume: volumeOf(disk.file) };
  },
  'an image is too small'(draft, nth) {
    const image = oneOf(draft.reading.images, nth);
    image.opened = { ...image.opened!, sizeGib: image.opened!.sizeGib - 1 };
    return { rules: ['V5'], volume: volumeOf(image.name) };
  },
  'an image is missing'(draft, nth) {
    const { name } = oneOf(draft.reading.images, nth);
    draft.reading.images = draft.reading.images.filter((one) => one.name !== name);
    return { rules: ['V1'], volume: volumeOf(name) };
  },
  'an image is left over'(draft, nth) {
    const image = oneOf(draft.reading.trash, nth);
    draft.reading.images.push({ ...image, opened: { id: 'x', sizeGib: 1 } });
    return { rules: ['A1'], volume: volumeOf(image.name) };
  },
  'a subscription is left over'(draft, nth) {
    const image = oneOf(draft.reading.trash, nth);
    draft.reading.subscriptions.push({ volume: volumeOf(image.name), account: owner, sizeGib: 1 });
    return { rules: ['A1'], volume: volumeOf(image.name) };
  },
  'a subscription is of another size'(draft, nth) {
    const one = oneOf(draft.reading.subscriptions, nth);
    one.sizeGib += 1;
    return { rules: ['A1'], volume: one.volume };
  },
  'a record is of another size'(draft, nth) {
    const { value } = oneOf(volumesOf(draft), nth);
    value['sizeGib'] = Number(value['sizeGib']) - 1;
    return { rules: ['R1'], volume: String(value['id']) };
  },
  'a record is left out'(draft, nth) {
    const { key, value } = oneOf(volumesOf(draft), nth);
    remove(draft, key);
    return { rules: ['R1'], volume: String(value['id']) };
  },
  'a name is kept for nobody'(draft) {
    draft.reading.registry.changed[`names/${owner}/nyc1/volume/x`] = 'nobody';
    return { rules: ['A1'], volume: 'nobody' };
  },
  'an account counts wrongly'(draft, nth) {
    oneOf(changed(draft, 'usage/'), nth).value['gib'] = 9_999;
    return { rules: ['A1'] };
  },
  'a process that died is still a boot'(draft, nth) {
    draft.reading.registry.changed['boots/x'] = { ...oneOf(changed(draft, 'boots/'), nth).value, boot: 'x' };
    return { rules: ['A1'] };
  },
  'something reported is not mended'(draft, nth) {
    const { name } = oneOf(draft.reading.images, nth);
    const volume = volumeOf(name);
    const found = { facet: 'ceph.image', class: 'missing', key: name, volume, state: 'confirmed' };
    draft.reading.registry.changed['discrepancies/ceph.image/x'] = found;
    return { rules: ['A1'], volume };
  },
};

const names = (findings: readonly Finding[], { rules, volume }: Told): boolean =>
  findings.some((one) => rules.includes(one.rule) && (volume === undefined || one.volume === volume));

describe('the checker, given any history', () => {
  it('finds nothing in an honest one', () => {
    fc.assert(
      fc.property(scripts, (script) => {
        expect(judged(new SmallSystem().take(script).draft)).toEqual([]);
      }),
      RUNS,
    );
  });

  it.each(Object.entries(lies))('finds and names one lie: %s', (_what, tell) => {
    fc.assert(
      fc.property(scripts, fc.nat(100), (script, nth) => {
        const { draft } = new SmallSystem().take(script);
        const told = tell(draft, nth);
        const findings = judged(draft);
        expect({ told, findings, isNamed: names(findings, told) }).toMatchObject({ isNamed: true });
      }),
      RUNS,
    );
  });

  const misdeeds: readonly (readonly [Lie, readonly string[]])[] = [
    ['forgets', ['R1']],
    ['does twice', ['R1', 'R2', 'C1']],
    ['refuses and does', ['R2']],
  ];

  it.each(misdeeds)('finds and names a system that %s one request, and agrees with itself', (lie, rules) => {
    fc.assert(
      fc.property(scripts, fc.nat(30), (script, from) => {
        const system = new SmallSystem(lie, from).take(script);
        fc.pre(system.lied !== undefined);
        const findings = judged(system.draft);
        expect({ findings, isNamed: names(findings, { rules }) }).toMatchObject({ isNamed: true });
      }),
      RUNS,
    );
  });
});
