import type { Mutant } from './mutant.js';

const LOOK = 'libs/engine/src/scrub/look.ts';
const WALK = 'libs/engine/src/scrub/walk.ts';
const SCRUBBER = 'libs/engine/src/scrub/scrubber.ts';
const SIGHTINGS = 'libs/engine/src/scrub/sightings.ts';
const REPAIRS = 'libs/engine/src/scrub/repairs.ts';
const PURGES = 'libs/engine/src/scrub/purges.ts';
const BRAKES = 'libs/engine/src/scrub/brakes.ts';
const IMAGE = 'libs/sources/ceph/facets/src/image.ts';
const DEVICE = 'libs/sources/qemu/facets/src/device.ts';
const LEFTOVER = 'libs/intents/src/repair-leftover.ts';

/** What the scrubber believes, and what it has done about it. */
export const OF_SCRUBBER: readonly Mutant[] = [
  {
    id: 'repairs-at-first-sight',
    breaks: ['A2'],
    file: SIGHTINGS,
    find: 'return now.monotonicMs - first.firstMs >= this.silenceMs ? first.firstAt : null;',
    put: 'return first.firstAt;',
    also: [
      {
        file: SCRUBBER,
        find: 'if (this.sightings.all().length > 0) await this.ports.sleep(this.ports.silenceMs, signal);',
        put: '',
      },
    ],
    why: 'what somebody was in the middle of is taken for drift',
  },
  {
    id: 'no-look-before-a-repair',
    breaks: ['A2'],
    file: REPAIRS,
    find: 'const look = await lookAtOne(this.ports, { ...record, place }, signal);',
    put:
      'const snapshot = await this.ports.journal.read(`volume/${record.volume}` as never);\n' +
      '    const look = { ...record, place, snapshot } as never as Suspicion;',
    why: 'what was put right by hand meanwhile is repaired once more',
  },
  {
    id: 'index-not-compared',
    breaks: ['A2'],
    file: SIGHTINGS,
    find: 'one.snapshot?.recordIndex === other.snapshot?.recordIndex &&',
    put: '',
    also: [
      {
        file: SIGHTINGS,
        find: 'one.intents === other.intents &&',
        put: '',
      },
      {
        file: REPAIRS,
        find: '(look.snapshot?.recordIndex ?? 0) === record.recordIndex',
        put: '(look.snapshot?.recordIndex ?? 0) >= 0',
      },
    ],
    why: 'two looks at what was worked on in between count as one thing seen twice',
  },
  {
    id: 'lane-not-looked-at',
    breaks: ['A2'],
    file: LOOK,
    find: 'if (before.lane !== null || ',
    put: 'if (',
    also: [
      { file: LOOK, find: 'after.lane === null &&', put: '' },
      { file: WALK, find: 'if (snapshot.lane !== null) return;', put: '' },
    ],
    why: 'a repair is put behind somebody’s work, which ends what was wrong',
  },
  {
    id: 'absence-where-nobody-answered',
    breaks: ['A2'],
    file: LOOK,
    find: '(await inspect(source, place, signal)) ??',
    put: '(await inspect(source, place, signal).catch(() => null)) ??',
    also: [
      {
        file: LOOK,
        find: '(await confirmed(source, place, before, signal));',
        put: '(await confirmed(source, place, before, signal).catch(() => null));',
      },
      { file: WALK, find: 'if (lost) continue;', put: '' },
      { file: BRAKES, find: 'if (tally.lost) {', put: 'if (tally.lost && tally.things < 0) {' },
    ],
    why: 'whatever a source that is away has seems to be gone',
  },
  {
    id: 'brakes-off',
    breaks: ['A4'],
    file: REPAIRS,
    find: 'braked.has(record.facet) || ',
    put: '',
    why: 'an accident of many things, or of the scrubber’s own eyes, is made worse by repairs',
  },
  {
    id: 'rewound-not-minded',
    breaks: ['A4'],
    file: BRAKES,
    find: 'if (floor <= ((await desk.knownFloor()) ?? 0)) return;',
    put: 'if (floor >= ((await desk.knownFloor()) ?? 0)) return;',
    why: 'what a registry that was set back has forgotten is repaired away',
  },
  {
    id: 'image-made-anew',
    breaks: ['A3'],
    file: 'libs/intents/src/repair-image.ts',
    find: 'is({ restored: true, imageId, ...from })',
    put: 'is({ sizeGib: record.sizeGib })',
    also: [{ file: IMAGE, find: "return isLost(seen) ? 'image-missing' : null;", put: 'return null;' }],
    why: 'a customer is handed an empty disk for a full one',
  },
  {
    id: 'leftover-of-the-living',
    breaks: ['V3'],
    file: IMAGE,
    find: "name: 'image-damaged',\n      class: 'different',\n      does: 'page',",
    put:
      "name: 'image-damaged',\n      class: 'different',\n      does: 'repair',\n" +
      "      files: { kind: 'repair-leftover', params: ({ record, volume }) => " +
      "({ volumeId: volume, region: record?.region ?? '', imageId: record?.imageId ?? '' }) },",
    also: [
      { file: LEFTOVER, find: "on: 'gone',", put: "on: 'any'," },
      {
        file: LEFTOVER,
        find: 'volume(p.volumeId).isGone()',
        put: 'volume(p.volumeId).becomes((now) => now)',
      },
    ],
    why: 'the image that a record names goes to the trash, and with it what could still be read of it',
  },
  {
    id: 'unplugs-what-belongs',
    breaks: ['A1', 'V4'],
    file: DEVICE,
    find: 'attachment === null ? []',
    put: 'attachment !== null || attachment === null ? []',
    also: [
      {
        file: 'libs/intents/src/repair-unplug.ts',
        find: 'record?.attachment?.vm === p.vm',
        put: 'record?.attachment?.vm === p.vm && record === null',
      },
    ],
    why: 'a customer’s disk is taken out of the machine that it is attached to',
  },
  {
    id: 'purged-before-its-time',
    breaks: ['V3'],
    file: PURGES,
    find: 'if (now() - tombstone.at < keptMs) continue;',
    put: 'if (now() < keptMs) continue;',
    why: 'what was deleted by mistake cannot be taken back',
  },
  {
    id: 'purges-under-a-brake',
    breaks: ['A4'],
    file: PURGES,
    find: 'return !paused && (await desk.brakes()).length === 0;',
    put: 'return !paused;',
    why: 'while an operator still looks into it, data is removed for good',
  },
];
