import { Refusal, catalogOf, defineIntent, volume } from '@plumbline/domain';
import type { Json, Lane, LaneEntry, RegionSlug, VmId, VolumeId, VolumeRecord } from '@plumbline/domain';
import fc from 'fast-check';
import { z } from 'zod';
import { deltaBetween, footprintOf } from './footprint.js';
import { materialize } from './materialize.js';

const ID = '0f4d7a51-7f0e-4c8b-9a51-0d2b6a3c9e10' as VolumeId;
const resource = `volume/${ID}` as const;

const toy = (
  kind: string,
  on: 'absent' | 'present',
  becomes: (r: VolumeRecord | null, p: Json) => Json | null,
) =>
  defineIntent({
    kind,
    action: kind,
    on,
    params: z.json(),
    example: null,
    resource: () => resource,
    refuse: () => null,
    plan: (params) => ({
      prepare: [],
      commit: { ...volume(ID).isGone(), becomes: (record) => becomes(record, params) as VolumeRecord | null },
    }),
  });

const rules = {
  catalog: catalogOf([
    toy('make', 'absent', (_r, p) => ({
      id: ID,
      name: 'data',
      region: 'nyc1',
      attachment: null,
      sizeGib: p,
    })),
    toy('grow', 'present', (r, p) => ({ ...r, sizeGib: Math.max(r?.sizeGib ?? 0, p as number) }) as Json),
    toy('plug', 'present', (r, p) => ({ ...r, attachment: { vm: p } })),
    {
      ...toy('plug-if-free', 'present', (r, p) => ({ ...r, attachment: { vm: p } })),
      refuse: (_p, { record }) => (record?.attachment ? new Refusal('conflict', 'It is plugged in.') : null),
    },
    toy('unplug', 'present', (r) => ({ ...r, attachment: null })),
    toy('end', 'present', () => null),
  ]),
  regions: [],
};

/** As much of an entry as a footprint reads, hence the assertion. */
const entry = (kind: string, params: Json): LaneEntry =>
  ({ kind, params, committed: null, undoing: null, parked: null }) as unknown as LaneEntry;
const laneOf = (entries: readonly LaneEntry[]): Lane | null =>
  entries.length === 0 ? null : ({ resource, entries } as unknown as Lane);

const entries = fc.array(
  fc.oneof(
    fc.integer({ min: 1, max: 50 }).map((gib) => entry('grow', gib)),
    fc.integer({ min: 1, max: 3 }).map((vm) => entry('plug', vm)),
    fc.constant(entry('unplug', null)),
    fc.constant(entry('end', null)),
    fc.integer({ min: 1, max: 50 }).map((gib) => entry('make', gib)),
  ),
  { maxLength: 8 },
);
const records = fc.option(
  fc.record({
    id: fc.constant(ID),
    name: fc.constant('data'),
    region: fc.constant('nyc1' as RegionSlug),
    sizeGib: fc.integer({ min: 1, max: 50 }),
    attachment: fc.option(fc.record({ vm: fc.integer({ min: 1, max: 3 }).map((n) => n as VmId) }), {
      nil: null,
    }),
  }),
  { nil: null },
) as fc.Arbitrary<VolumeRecord | null>;

describe('a footprint', () => {
  it('covers the record and whatever is left when any of the pending intents is undone', () => {
    fc.assert(
      fc.property(records, entries, fc.nat(), (record, pending, at) => {
        const whole = footprintOf(record, laneOf(pending), rules);
        const left = pending.filter((_, index) => index !== at % Math.max(1, pending.length));
        const end = materialize(record, laneOf(pending), rules);
        expect(whole.gib).toBeGreaterThanOrEqual(Math.max(record?.sizeGib ?? 0, end?.sizeGib ?? 0));
        const grows = pending.every(({ kind }) => kind === 'grow');
        if (grows) expect(whole.gib).toBeGreaterThanOrEqual(footprintOf(record, laneOf(left), rules).gib);
      }),
    );
  });

  it('holds what was admitted while the head was being undone', () => {
    const head = { ...entry('plug', 1), undoing: 'refused' };
    const judgedBy = materialize({ attachment: null } as VolumeRecord, laneOf([head]), rules);
    expect(judgedBy?.attachment).toBeNull();
    const { slots } = footprintOf(
      { attachment: null } as VolumeRecord,
      laneOf([head, entry('plug-if-free', 2)]),
      rules,
    );
    expect([...slots.keys()]).toEqual([1, 2]);
  });

  it('comes to nothing over a life, whatever order the transactions come in', () => {
    fc.assert(
      fc.property(entries, (all) => {
        let record: VolumeRecord | null = null;
        let lane: LaneEntry[] = [];
        const counted = { volumes: 0, gib: 0, names: 0 };
        const step = (next: { record: VolumeRecord | null; lane: Lane | null }): void => {
          const delta = deltaBetween({ record, lane: laneOf(lane) }, next, rules);
          counted.volumes += delta.volumes;
          counted.gib += delta.gib;
          counted.names += delta.namesTaken.length - delta.namesFreed.length;
        };
        for (const next of [...all, entry('end', null)]) {
          step({ record, lane: laneOf([...lane, next]) });
          lane = [...lane, next];
        }
        while (lane.length > 0) {
          const [head] = lane;
          const after = materialize(record, laneOf(head === undefined ? [] : [head]), rules);
          step({ record: after, lane: laneOf(lane.slice(1)) });
          [record, lane] = [after, lane.slice(1)];
        }
        const { volumes, gib } = footprintOf(record, null, rules);
        expect([counted.volumes, counted.gib, counted.names]).toEqual([volumes, gib, volumes]);
      }),
    );
  });
});
