/**
 * A volume's life as a chain of versions: each completed action has made exactly one, in the order in which they were
 * recorded, and carried out one after the other they lead to the record. What the scrubber recorded has made versions too,
 * which nobody asked for, and in which a customer sees what was there before.
 */
import type { Claims } from './claims.js';
import type { Finding } from './finding.js';
import { PURGE } from './registry-shapes.js';
import type { ActionEntry, Registry } from './registry-shapes.js';

/** What customers see of a volume at one version; null: it is not there. */
export interface Version {
  readonly rev: number;
  readonly state: { readonly name: string; readonly size: number; readonly vm: number | null } | null;
  /** By which action it came; none: before the volume was made. */
  readonly action?: ActionEntry;
}

export interface Chains {
  readonly findings: readonly Finding[];
  /** Of each volume, from before it was made. */
  readonly of: ReadonlyMap<string, readonly Version[]>;
}

export function chainsOf(registry: Registry, claims: Claims): Chains {
  // What has a record or a tombstone, and no action, was made by nobody.
  const made = [...registry.volumes, ...registry.tombstones].map(({ id }) => id);
  const byVolume = new Map<string, ActionEntry[]>(made.map((id) => [id, []]));
  for (const action of registry.actions)
    byVolume.set(action.resource, [...(byVolume.get(action.resource) ?? []), action]);
  const internal = new Set(registry.internal);
  for (const { resource } of internal) if (!byVolume.has(resource)) byVolume.set(resource, []);
  const findings: Finding[] = [];
  const chains = new Map<string, readonly Version[]>();
  for (const [volume, actions] of byVolume) {
    const note = (rule: string, what: string) => void findings.push({ rule, what, volume });
    const ofScrubber = [...internal].filter(({ resource }) => resource === volume);
    const committed = [...actions, ...ofScrubber]
      .filter(({ status, revAfter }) => status === 'completed' && revAfter !== null)
      .sort((one, other) => one.revAfter! - other.revAfter!);
    // The tombstone of a create that came to nothing has a version that no action made.
    const first = committed.length > 0 && committed.every((one) => internal.has(one)) ? 1 : 0;
    gaps(committed, { first, last: lastRev(registry, volume, committed) }, note);
    uncommitted(actions, committed, note);
    for (const { n, revAfter, status, type } of ofScrubber)
      if (status !== 'in-progress' && (status === 'completed') !== (revAfter !== null))
        note('C1', `${type}, ${n}, is ${status} and made version ${revAfter ?? 'none'}`);
    inOrder(committed, claims, note);
    const chain = replay(committed, internal, note);
    sameAsRecord(registry, volume, chain, note);
    chains.set(volume, chain);
  }
  return { findings, of: chains };
}

type Note = (rule: string, what: string) => void;

function lastRev(
  { volumes, tombstones }: Registry,
  volume: string,
  committed: readonly ActionEntry[],
): number {
  const record = volumes.find(({ id }) => id === volume);
  if (record !== undefined) return record.rev;
  const tombstone = tombstones.find(({ id }) => id === volume);
  if (committed.length === 0) return 0;
  // What was purged has left nothing behind.
  const end = committed.at(-1)!;
  return tombstone?.rev ?? (end.type === PURGE ? end.revAfter! : 0);
}

function gaps(
  committed: readonly ActionEntry[],
  { first, last }: { first: number; last: number },
  note: Note,
): void {
  committed.forEach(({ n, revAfter, type }, at) => {
    const next = first + at + 1;
    if (revAfter !== next)
      note('C1', `action ${n}, ${type}, made version ${revAfter}, where ${next} is next`);
  });
  if (first + committed.length !== last)
    note('R1', `is at version ${last}, and ${committed.length} actions have made one`);
}

function uncommitted(actions: readonly ActionEntry[], committed: readonly ActionEntry[], note: Note): void {
  const creates = actions.filter(({ type }) => type === 'create_volume');
  if (creates.length !== 1) note(creates.length === 0 ? 'R1' : 'V7', `was made by ${creates.length} actions`);
  const wasMade = committed.some(({ type }) => type === 'create_volume');
  for (const { n, revAfter, status, type } of actions) {
    if (status === 'errored' && revAfter !== null)
      note('C1', `action ${n}, ${type}, errored and made a version`);
    // Deleted before it was made: both end together, and there never was a version.
    const isCancel = type === 'delete_volume' && !wasMade;
    if (status === 'completed' && revAfter === null && !isCancel)
      note('R1', `action ${n}, ${type}, is completed and has made no version`);
  }
}

/** What was acknowledged before another was asked for comes before it. */
function inOrder(committed: readonly ActionEntry[], claims: Claims, note: Note): void {
  let latest: { from: number; n: number } | null = null;
  for (const action of committed) {
    const { n } = action;
    const requests = (claims.of.get(action) ?? []).map(({ request, outcome }) => ({ ...request, outcome }));
    const heard = requests.filter(({ outcome }) => outcome === 'acknowledged').map(({ to }) => to);
    if (latest !== null && heard.length > 0 && Math.min(...heard) < latest.from)
      note('C1', `action ${n} was acknowledged before ${latest.n} was asked for, and took effect after it`);
    const from = Math.min(...requests.map((request) => request.from));
    if (requests.length > 0 && (latest === null || from > latest.from)) latest = { from, n };
  }
}

function replay(
  committed: readonly ActionEntry[],
  internal: ReadonlySet<ActionEntry>,
  note: Note,
): readonly Version[] {
  const chain: Version[] = [{ rev: 0, state: null }];
  for (const action of committed) {
    const before = chain.at(-1)!.state;
    if (action.type === PURGE && before !== null)
      note('V3', `action ${action.n}, ${action.type}, took effect on a volume that was there`);
    const state = internal.has(action) ? before : after(before, action, note);
    chain.push({ rev: action.revAfter!, state, action });
  }
  return chain;
}

function after(before: Version['state'], action: ActionEntry, note: Note): Version['state'] {
  const { n, params, type } = action;
  const wrong = (why: string) => note('C1', `action ${n}, ${type}, took effect on a volume that ${why}`);
  if (type === 'create_volume') {
    if (before !== null) wrong('was there already');
    return { name: String(params['name']), size: Number(params['sizeGib']), vm: null };
  }
  if (before === null) {
    wrong('was not there');
    return null;
  }
  const vm = Number(params['vm']);
  switch (type) {
    case 'attach_volume':
      if (before.vm !== null) wrong(`was attached to VM ${before.vm}`);
      return { ...before, vm };
    case 'detach_volume':
      if (before.vm !== vm) wrong(`was not attached to VM ${vm}`);
      return { ...before, vm: null };
    case 'resize_volume':
      return { ...before, size: Math.max(before.size, Number(params['sizeGib'])) };
    case 'delete_volume':
      if (before.vm !== null) wrong(`was attached to VM ${before.vm}`);
      return null;
    default:
      wrong('this checker does not know what to do with');
      return before;
  }
}

function sameAsRecord({ volumes }: Registry, volume: string, chain: readonly Version[], note: Note): void {
  const record = volumes.find(({ id }) => id === volume);
  const end = chain.at(-1)!.state;
  const recorded = record && { name: record.name, size: record.sizeGib, vm: record.attachment?.vm ?? null };
  if (JSON.stringify(recorded ?? null) !== JSON.stringify(end))
    note('R1', `is recorded as ${JSON.stringify(recorded)}, and its actions lead to ${JSON.stringify(end)}`);
}
