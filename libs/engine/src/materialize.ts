import { InvariantError, nextStamp, stamp } from '@plumbline/domain';
import type {
  AnyIntentDefinition,
  IntentCatalog,
  Lane,
  LaneEntry,
  Region,
  VolumeRecord,
} from '@plumbline/domain';

/** What pending work is judged and folded by. */
export interface Rules {
  readonly catalog: IntentCatalog;
  readonly regions: readonly Region[];
}

/** An intent of a kind that another version knows: no mistake, but nothing that this process can judge or carry out. */
export class UnknownKindError extends InvariantError {
  constructor(readonly kind: string) {
    super(`no intent kind ${kind}`, { reason: 'unknown-kind' });
  }
}

export function definitionOf(catalog: IntentCatalog, kind: string): AnyIntentDefinition {
  const definition = catalog.get(kind);
  if (definition === undefined) throw new UnknownKindError(kind);
  return definition;
}

/** Whether there is what an intent of that sort is about, as far as the record tells. */
export function standsFor(on: AnyIntentDefinition['on'], record: VolumeRecord | null): boolean {
  if (on === 'any') return true;
  return (record !== null) === (on === 'present');
}

/** Each entry's kind is known here. @throws UnknownKindError of the first that is not */
export function checkKinds(lane: Lane | null, { catalog }: Rules): void {
  for (const { kind } of lane?.entries ?? []) definitionOf(catalog, kind);
}

/**
 * The record with all that is pending folded over it, step by step: the record as it is, then after each intent of the
 * lane. What will be refused when its turn comes changes nothing.
 */
export function* unfold(record: VolumeRecord | null, entries: readonly LaneEntry[], rules: Rules) {
  let state = record;
  yield state;
  for (const entry of entries) {
    if (entry.committed !== null) continue;
    state = folded(state, entry, rules);
    yield state;
  }
}

/** What a new request is validated against. An intent that is being undone leaves nothing. */
export function materialize(
  record: VolumeRecord | null,
  lane: Lane | null,
  rules: Rules,
): VolumeRecord | null {
  const pending = (lane?.entries ?? []).filter((entry) => entry.undoing === null);
  let last = record;
  for (const state of unfold(record, pending, rules)) last = state;
  return last;
}

function folded(record: VolumeRecord | null, entry: LaneEntry, rules: Rules): VolumeRecord | null {
  const definition = definitionOf(rules.catalog, entry.kind);
  if (!standsFor(definition.on, record)) return record;
  if (definition.refuse(entry.params, { record, regions: rules.regions }) !== null) return record;
  const { at } = nextStamp({ before: record, now: 0 });
  const value = definition.plan(entry.params, record).commit.becomes(record, { at, found: () => undefined });
  return value === null ? null : stamp(value, { before: record, now: 0, intent: entry.intent });
}
