import type {
  AccountId,
  ActionRecord,
  BootId,
  BootRecord,
  Brake,
  DiscrepancyRecord,
  Lane,
  OwedFact,
  Tombstone,
  Usage,
  VmRecord,
  VolumeRecord,
} from '@plumbline/domain';
import type { FakeStore } from '../kv/fake-store.js';
import { parsed } from '../kv/parsed.js';

const PREFIX_LENGTH = 'plumbline/'.length;
const UUID_LENGTH = 36;
const BRAKES = 'plumbline/scrub/brakes/';

/** One state of a volume's record, and when it stood. */
export interface Version {
  readonly text: string;
  readonly record: VolumeRecord;
  readonly sinceMs: number;
  /** Infinite: it still stands. */
  untilMs: number;
}

/** A key that a write has just changed. */
export interface Change {
  readonly key: string;
  readonly what: string;
  readonly before: unknown;
  readonly after: unknown;
}

/**
 * What Consul holds, read from the store itself at each write, and remembered: the turns in their order, each version of a
 * record. It shares nothing with the code under test but the form of what is stored.
 */
export class Register {
  readonly lanes = new Map<string, Lane>();
  readonly records = new Map<string, VolumeRecord>();
  readonly tombstones = new Map<string, Tombstone>();
  /** When each volume ended that did, though nothing of it is kept any more. */
  readonly ended = new Map<string, number>();
  readonly actions = new Map<string, ActionRecord>();
  readonly owners = new Map<string, AccountId>();
  readonly names = new Map<string, string>();
  readonly usage = new Map<string, Usage>();
  readonly vms = new Map<string, VmRecord>();
  readonly boots = new Map<string, BootRecord>();
  readonly owed = new Map<string, OwedFact>();
  readonly discrepancies = new Map<string, DiscrepancyRecord>();
  readonly brakes = new Map<string, Brake>();
  /** Each fact that was ever owed, by its intent. */
  readonly everOwed = new Map<string, OwedFact>();
  /** By volume's id. */
  readonly versions = new Map<string, Version[]>();
  /** What changed since somebody looked last. */
  changes: Change[] = [];
  private attempts = 0;
  private readonly attemptsOf = new Map<string, number>();
  private readonly formersOf = new Map<number, readonly BootId[]>();
  /** The latest turn at each resource. */
  private readonly latest = new Map<string, { intent: string; nonce: string; attempt: number }>();
  private readonly tried = new Map<string, number>();

  constructor(
    private readonly store: FakeStore,
    private readonly nowMs: () => number,
  ) {
    store.onPut = (key, value) => this.put(key, value);
  }

  /** The number of that boot's latest turn at a volume; turns are numbered in the order in which they were taken. 0: none. */
  attemptOf(volume: string, boot: BootId): number {
    return this.attemptsOf.get(`${volume} ${boot}`) ?? 0;
  }

  /** From whom that turn and those before it at the same intent were taken: whoever had given his back is not among them. */
  takenFrom(attempt: number): readonly BootId[] {
    return this.formersOf.get(attempt) ?? [];
  }

  /** The first turn in which that thing was begun to be made; endless: none. */
  firstTried(key: string): number {
    return this.tried.get(key) ?? Number.POSITIVE_INFINITY;
  }

  noteTried(key: string, attempt: number): void {
    this.tried.set(key, Math.min(this.firstTried(key), attempt));
  }

  /** What stands there was never written by anybody: the store was restored. */
  readAll(): void {
    for (const all of [this.lanes, this.records, this.tombstones, this.actions, this.owners, this.names])
      all.clear();
    for (const all of [this.usage, this.vms, this.boots, this.owed]) all.clear();
    for (const all of [this.discrepancies, this.brakes]) all.clear();
    for (const { key, value } of this.store.tree('')) this.put(key, value);
    this.changes = [];
  }

  private put(key: string, text: string | null): void {
    const what = key.slice(PREFIX_LENGTH, key.indexOf('/', PREFIX_LENGTH));
    switch (what) {
      case 'lanes':
        return this.putLane(key, text);
      case 'volumes':
        return this.putRecord(key, text);
      case 'tombstones':
        if (text !== null) this.ended.set(key.slice(-UUID_LENGTH), (parsed(text) as Tombstone).at);
        return this.keep(what, this.tombstones, key, key.slice(-UUID_LENGTH), text);
      case 'actions':
      case 'internal-actions':
        return this.keep('actions', this.actions, key, key, text);
      case 'usage':
        return this.keep(what, this.usage, key, key.slice(-UUID_LENGTH), text);
      case 'vms':
        return this.keep(what, this.vms, key, key, text);
      case 'boots':
        return this.keep(what, this.boots, key, key.slice(-UUID_LENGTH), text);
      case 'owed':
        if (text !== null) this.everOwed.set(key.slice(-UUID_LENGTH), parsed(text) as OwedFact);
        return this.keep(what, this.owed, key, key, text);
      case 'discrepancies':
        return this.keep(what, this.discrepancies, key, key, text);
      case 'scrub':
        if (key.startsWith(BRAKES)) this.keep('brakes', this.brakes, key, key, text);
        return;
      case 'names':
        return this.keepText(what, this.names, key, key, text);
      case 'owners':
        return this.keepText(what, this.owners, key, key.slice(-UUID_LENGTH), text);
      default:
    }
  }

  private putLane(key: string, text: string | null): void {
    const resource = `volume/${key.slice(-UUID_LENGTH)}`;
    const before = this.lanes.get(resource)?.entries[0]?.attempt ?? null;
    this.keep('lanes', this.lanes, key, resource, text);
    const { intent, attempt } = this.lanes.get(resource)?.entries[0] ?? { attempt: null };
    const latest = this.latest.get(resource);
    if (attempt === null || latest?.nonce === attempt.nonce) return;
    this.attempts += 1;
    const earlier = latest?.intent === intent ? this.takenFrom(latest.attempt) : [];
    const taken = before !== null && before.boot !== attempt.boot ? [before.boot] : [];
    this.formersOf.set(this.attempts, [...earlier, ...taken]);
    this.latest.set(resource, { intent, nonce: attempt.nonce, attempt: this.attempts });
    this.attemptsOf.set(`${key.slice(-UUID_LENGTH)} ${attempt.boot}`, this.attempts);
  }

  private putRecord(key: string, text: string | null): void {
    const id = key.slice(-UUID_LENGTH);
    this.keep('volumes', this.records, key, `volume/${id}`, text);
    const versions = this.versions.get(id) ?? [];
    this.versions.set(id, versions);
    const last = versions.at(-1);
    if (last !== undefined && last.untilMs === Number.POSITIVE_INFINITY) last.untilMs = this.nowMs();
    const record = this.records.get(`volume/${id}`);
    if (text !== null && record !== undefined)
      versions.push({ text, record, sinceMs: this.nowMs(), untilMs: Number.POSITIVE_INFINITY });
  }

  private keep<T>(what: string, all: Map<string, T>, key: string, name: string, text: string | null): void {
    this.set(what, all, key, name, text === null ? undefined : (parsed(text) as T));
  }

  private keepText<T extends string>(
    what: string,
    all: Map<string, T>,
    key: string,
    name: string,
    text: string | null,
  ): void {
    this.set(what, all, key, name, text === null ? undefined : (text as T));
  }

  private set<T>(what: string, all: Map<string, T>, key: string, name: string, after: T | undefined): void {
    this.changes.push({ key, what, before: all.get(name) ?? null, after: after ?? null });
    if (after === undefined) all.delete(name);
    else all.set(name, after);
  }
}
