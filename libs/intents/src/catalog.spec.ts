import type {
  AccountId,
  HostName,
  IntentId,
  Json,
  RegionSlug,
  VmId,
  VolumeId,
  VolumeRecord,
} from '@plumbline/domain';
import fc from 'fast-check';
import { intentCatalog } from './index.js';

const VOLUME = '0f4d7a51-7f0e-4c8b-9a51-0d2b6a3c9e10' as VolumeId;
const ACCOUNT = '5d2f0a1c-3b4e-4f60-8a7b-9c0d1e2f3a4b' as AccountId;
const NYC1 = 'nyc1' as RegionSlug;

const attachment = fc.record({
  vm: fc.integer({ min: 1, max: 9 }).map((n) => n as VmId),
  host: fc.constant('host-a' as HostName),
  address: fc.constant('127.0.0.1:0/1'),
});

const record: fc.Arbitrary<VolumeRecord> = fc.record({
  id: fc.constant(VOLUME),
  account: fc.constant(ACCOUNT),
  name: fc.constant('data'),
  description: fc.string(),
  region: fc.constant(NYC1),
  sizeGib: fc.integer({ min: 1, max: 16_384 }),
  filesystemType: fc.constant(''),
  filesystemLabel: fc.constant(''),
  tags: fc.constant([]),
  createdAt: fc.nat(),
  imageId: fc.constant('abc'),
  attachment: fc.option(attachment, { nil: null }),
  pins: fc.constant([]),
  rev: fc.integer({ min: 1, max: 99 }),
  at: fc.nat(),
  lastIntent: fc.constant('i' as IntentId),
});

/** A kind's example, with other sizes, VMs and names where it has such. */
const paramsOf = (example: Json): fc.Arbitrary<Json> =>
  fc
    .record({
      sizeGib: fc.integer({ min: 1, max: 16_384 }),
      vm: fc.integer({ min: 1, max: 9 }),
      region: fc.constantFrom('nyc1', null),
    })
    .map((varied) => {
      const given = example as Record<string, Json>;
      const known = Object.entries(varied).filter(([name]) => name in given && given[name] !== 'nyc1');
      return { ...given, ...Object.fromEntries(known) };
    });

/** What there is when the turn of such an intent comes. */
const STANDS = {
  absent: fc.constant(null),
  present: record,
  gone: fc.constant(null),
  any: fc.option(record, { nil: null }),
};

const regions = [{ slug: NYC1, name: 'New York 1', pool: 'volumes-nyc1', hosts: ['host-a' as HostName] }];

describe.each([...intentCatalog.values()])('$kind', (definition) => {
  const given = (): fc.Arbitrary<[Json, VolumeRecord | null]> => {
    const params = paramsOf(definition.example);
    return fc.tuple(params, STANDS[definition.on]);
  };

  it('builds before its commit and destroys after it', () => {
    fc.assert(
      fc.property(given(), ([params, before]) => {
        fc.pre(definition.refuse(params, { record: before, regions }) === null);
        const plan = definition.plan(params, before);
        const after = plan.commit.becomes(before, { at: 1, found: () => undefined });
        expect(plan.prepare.map(({ mode }) => mode)).not.toContain('remove');
        expect((plan.finish ?? []).every(({ mode }) => mode === 'remove')).toBe(true);
        if (after === null) expect(plan.prepare.filter(({ mode }) => mode === 'build')).toEqual([]);
        if (after !== null) expect(plan.finish ?? []).toEqual([]);
      }),
    );
  });

  it('plans the same from the same, and leaves nothing out on the way through JSON', () => {
    fc.assert(
      fc.property(given(), ([params, before]) => {
        fc.pre(definition.refuse(params, { record: before, regions }) === null);
        const { prepare, finish, owes } = definition.plan(params, before);
        const again = definition.plan(definition.params.parse(JSON.parse(JSON.stringify(params))), before);
        expect(JSON.parse(JSON.stringify({ prepare, finish, owes }))).toEqual(
          JSON.parse(JSON.stringify({ prepare: again.prepare, finish: again.finish, owes: again.owes })),
        );
      }),
    );
  });

  it('never shrinks a volume, moves it or gives it to somebody else', () => {
    fc.assert(
      fc.property(given(), ([params, before]) => {
        fc.pre(definition.refuse(params, { record: before, regions }) === null);
        if (before === null) return;
        const after = definition
          .plan(params, before)
          .commit.becomes(before, { at: 1, found: () => undefined });
        if (after === null) return;
        expect(after.sizeGib).toBeGreaterThanOrEqual(before.sizeGib);
        expect([after.id, after.account, after.region]).toEqual([before.id, before.account, before.region]);
      }),
    );
  });
});
