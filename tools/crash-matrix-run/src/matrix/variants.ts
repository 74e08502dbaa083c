/**
 * What there is to be carried out, made from the catalogue: every kind in every state that it may be asked for in, and the
 * same once more turned back at its last build. A kind that is added to the catalogue is here the same day.
 */
import { resolvePlan, sourceOf, stamp } from '@plumbline/domain';
import type {
  AnyIntentDefinition,
  IntentCatalog,
  IntentId,
  Json,
  Region,
  ResolvedPlan,
  Step,
  StepMode,
  VmRecord,
  VolumeId,
  VolumeRecord,
} from '@plumbline/domain';
import { damageOf, excludedKind } from './damages.js';
import type { Damage } from './damages.js';

/** What stands before the intent, and by which kinds it is brought about. */
export const STANDINGS = {
  absent: [],
  present: ['volume-create'],
  attached: ['volume-create', 'volume-attach'],
  deleted: ['volume-create', 'volume-delete'],
} as const;
export type Standing = keyof typeof STANDINGS;

/** One thing that a worker does for an intent, and after which it may die. */
export interface Move {
  /** As workers announce it. */
  readonly key: MoveKey;
  /** As people read it. */
  readonly label: string;
  /** A call to a source, noted in the ledger afterwards; or a write of the registry, which is its own note. */
  readonly via: 'call' | 'write';
  readonly mode: StepMode | 'undo' | 'commit' | 'settle' | 'owed';
  /** Who makes it; null: whoever is there already. */
  readonly source: string | null;
}
export type MoveKey =
  `${'prepare' | 'finish' | 'undo'}/${number}` | 'commit' | 'settle-done' | 'settle-undone' | 'owed';

export interface Variant {
  readonly name: string;
  readonly definition: AnyIntentDefinition;
  readonly standing: Standing;
  /** In the order in which they are made. */
  readonly moves: readonly Move[];
  /** Its last build is made, and then said to be refused: so everything is undone, and there is something to undo. */
  readonly turnsBackAt: MoveKey | null;
  /** What is done behind the registry's back before it is asked for. */
  readonly damage: Damage | null;
  /** Whether it takes a slot of a VM. */
  readonly needsVm: boolean;
}

/** Parameters as the catalogue's examples have them, for another volume. */
export function paramsFor(
  { example }: AnyIntentDefinition,
  by: { volumeId: VolumeId; account: string; vm: number; name: string; image: string },
): Json {
  if (typeof example !== 'object' || example === null || !('volumeId' in example))
    throw new TypeError('an example must name its volume as volumeId, or the crash matrix cannot ask for it');
  const given = { ...by };
  const known = Object.keys(example).flatMap((key) =>
    key in given ? [[key, given[key as keyof typeof given]]] : [],
  );
  return { ...example, ...(Object.fromEntries(known) as object) };
}

export function variantsOf(catalog: IntentCatalog, regions: readonly Region[]): readonly Variant[] {
  const covered = [...catalog.values()].filter((definition) => excludedKind(definition) === null);
  return covered.flatMap((definition) =>
    standingsFor(definition).flatMap((standing) => {
      const plan = planFrom(catalog, definition, standing, regions);
      return plan === null
        ? []
        : [plainVariant(definition, standing, plan), ...turnedBack(definition, standing, plan)];
    }),
  );
}

/** A disk that is plugged by hand needs an image, and a volume that is in no VM already. */
function standingsFor(definition: AnyIntentDefinition): readonly Standing[] {
  return damageOf(definition) === 'plugged by hand' ? ['present'] : STANDS[definition.on];
}

const STANDS: Readonly<Record<AnyIntentDefinition['on'], readonly Standing[]>> = {
  absent: ['absent'],
  present: ['present', 'attached'],
  gone: ['deleted'],
  any: ['present', 'deleted'],
};

/** Null when it is refused in this state. */
function planFrom(
  catalog: IntentCatalog,
  definition: AnyIntentDefinition,
  standing: Standing,
  regions: readonly Region[],
): ResolvedPlan | null {
  const record = recordOf(catalog, standing);
  const { example } = definition;
  const vm = definition.vm === undefined ? {} : { vm: exampleVm(definition, record) };
  if (definition.refuse(example, { record, regions, ...vm }) !== null) return null;
  return resolvePlan(definition.plan(example, record));
}

function recordOf(catalog: IntentCatalog, standing: Standing): VolumeRecord | null {
  let record: VolumeRecord | null = null;
  for (const kind of STANDINGS[standing]) {
    const definition = catalog.get(kind);
    if (definition === undefined) throw new TypeError(`the catalogue has no ${kind}`);
    const { commit } = definition.plan(definition.example, record);
    const value = commit.becomes(record, { at: 0, found: () => undefined });
    record = value && stamp(value, { before: record, now: 0, intent: '' as IntentId });
  }
  return record;
}

function exampleVm(definition: AnyIntentDefinition, record: VolumeRecord | null): VmRecord {
  const id = definition.vm!(definition.example);
  const { host = '' } = definition.example as { host?: string };
  const { account = '', region = '' } = record ?? {};
  return { id, name: '', region, host, account, socket: '', createdAt: 0, slots: {} } as unknown as VmRecord; // An example's.
}

function plainVariant(definition: AnyIntentDefinition, standing: Standing, plan: ResolvedPlan): Variant {
  const finish = plan.finish.map((step, index) => stepMove('finish', index, step));
  return {
    ...commonOf(definition, standing),
    turnsBackAt: null,
    moves: [
      ...plan.prepare.map((step, index) => stepMove('prepare', index, step)),
      writeMove('commit'),
      ...finish,
      // With nothing behind it a commit settles its intent.
      ...(finish.length === 0 ? [] : [writeMove('settle-done')]),
      ...plan.owes.map(({ facet }) => owedMove(facet)),
    ],
  };
}

/** None for what builds nothing, or releases: a release is never undone. */
function turnedBack(
  definition: AnyIntentDefinition,
  standing: Standing,
  { prepare }: ResolvedPlan,
): readonly Variant[] {
  const builds = prepare.flatMap((step, index) =>
    step.mode === 'build' && step.want !== null ? [{ step, index }] : [],
  );
  const last = builds.at(-1);
  if (last === undefined || prepare.some(({ mode }) => mode === 'release')) return [];
  const common = commonOf(definition, standing);
  return [
    {
      ...common,
      name: `${common.name}, undone`,
      turnsBackAt: `prepare/${last.index}`,
      moves: [
        ...builds.reverse().map(({ step, index }) => undoMove(index, step)),
        writeMove('settle-undone'),
      ],
    },
  ];
}

function commonOf(definition: AnyIntentDefinition, standing: Standing) {
  const [plain] = STANDS[definition.on];
  return {
    name: standing === plain ? definition.kind : `${definition.kind}, ${standing}`,
    definition,
    standing,
    damage: damageOf(definition),
    needsVm:
      standing === 'attached' || definition.vm !== undefined || damageOf(definition) === 'plugged by hand',
  };
}

function stepMove(stage: 'prepare' | 'finish', index: number, step: Step): Move {
  const { facet, mode, want } = step;
  const what = mode === 'build' && want === null ? 'clear' : mode;
  const label = `${stage} ${index + 1}: ${what} ${facet}`;
  return { key: `${stage}/${index}`, label, via: 'call', mode, source: sourceOf(facet) };
}

function undoMove(index: number, { facet }: Step): Move {
  const label = `undo of prepare ${index + 1}: ${facet}`;
  return { key: `undo/${index}`, label, via: 'call', mode: 'undo', source: sourceOf(facet) };
}

function writeMove(key: 'commit' | 'settle-done' | 'settle-undone'): Move {
  const mode = key === 'commit' ? 'commit' : 'settle';
  const label = key === 'commit' ? 'commit' : key === 'settle-done' ? 'settle as done' : 'settle as undone';
  return { key, label, via: 'write', mode, source: null };
}

function owedMove(facet: Step['facet']): Move {
  return { key: 'owed', label: `owed: ${facet}`, via: 'call', mode: 'owed', source: sourceOf(facet) };
}
