import type { BootRecord, Lane, LaneEntry, OwedFact, VolumeRecord } from '@plumbline/domain';
import { POLICY } from './process.js';
import { broken } from './judgement.js';
import type { Judgement } from './judgement.js';
import type { Change } from './register.js';
import type { Mistake, World } from './world.js';

/** For each of these a call was refused for good; nobody causes the others, and whoever parks so was led astray. */
const PARKED_BY_REFUSAL = ['rejected-after-commit', 'release-rejected', 'undo-failed'];
/** Whatever else refuses for now has gone by long before all tries are used up. */
const PARKED_BY_TROUBLE = 'tries-exhausted';
/** Nobody is silent who has beaten since. */
const SILENT_MS = 8_000;

/** C1, C2, C5, C6: lanes keep their order, turns are taken one after the other, and each intent takes effect once. */
export class Carrying implements Judgement {
  private readonly turns = new Map<string, { turn: number; nonce: string | null }>();
  private readonly nonces = new Set<string>();
  private readonly committed = new Set<string>();
  /** Boots whose keys were taken away. */
  private readonly gone = new Set<string>();

  constructor(private readonly world: World) {}

  judge(changes: readonly Change[]): Mistake | null {
    for (const change of changes) {
      const found = this.changed(change, changes);
      if (found !== null) return found;
    }
    return null;
  }

  private changed({ what, key, before, after }: Change, changes: readonly Change[]): Mistake | null {
    const about = `volume/${key.slice(-36)}`;
    switch (what) {
      case 'lanes':
        return after === null
          ? null
          : this.lane(about, (after as Lane).entries, (before as Lane | null)?.entries ?? []);
      case 'volumes':
        return this.committing(about, before as VolumeRecord | null, after as VolumeRecord | null, changes);
      case 'boots':
        return this.boot(before as BootRecord | null, after as BootRecord | null);
      case 'owed':
        return after === null ? null : this.owed(after as OwedFact);
      default:
        return null;
    }
  }

  private lane(about: string, entries: readonly LaneEntry[], before: readonly LaneEntry[]): Mistake | null {
    const isTouched = (entry: LaneEntry): boolean =>
      entry.attempt !== null || entry.ledger.length > 0 || entry.plan !== null || entry.turns > 0;
    if (entries.slice(1).some(isTouched)) return broken('C1', 'an intent behind the head was begun', about);
    const [now] = entries;
    if (now!.tries >= POLICY.triesMax) return broken('B1', `${now!.tries} tries of one step`, about);
    if (before[0]?.parked && !this.world.intervened.has(before[0].intent) && isWorkedAt(before[0], now!))
      return broken('R1', `intent ${now!.intent} is parked, and goes on`, about);
    const intents = entries.map(({ intent }) => intent);
    const kept = before.map(({ intent }) => intent);
    const head = kept.indexOf(intents[0]!);
    const rest = head < 0 ? [] : kept.slice(head);
    if (rest.some((intent, at) => intents[at] !== intent))
      return broken('C1', 'the order in which intents were recorded has changed', about);
    return this.parked(about, entries[0]!) ?? this.turn(about, entries[0]!, before[0]);
  }

  private parked(about: string, { intent, parked }: LaneEntry): Mistake | null {
    if (parked === null) return null;
    this.world.faults.see('intent-parked');
    const isCaused =
      this.world.drifted.has(about.slice(-36)) ||
      (parked.reason === PARKED_BY_TROUBLE && this.world.wereBusy.has(about.slice(-36))) ||
      (PARKED_BY_REFUSAL.includes(parked.reason) && this.world.refusedKeys.has(about.slice(-36)));
    if (isCaused) return null;
    return broken(
      'C5',
      `intent ${intent} is parked without a cause: ${parked.reason}, ${parked.detail}`,
      about,
    );
  }

  private turn(
    about: string,
    { intent, attempt, turns, undoing }: LaneEntry,
    before: LaneEntry | undefined,
  ): Mistake | null {
    const known = this.turns.get(intent) ?? { turn: 0, nonce: null };
    const nonce = attempt?.nonce ?? null;
    if (turns < known.turn) return broken('C2', `turns of intent ${intent} went back`, about);
    if (attempt !== null && nonce !== known.nonce) {
      if (this.nonces.has(attempt.nonce))
        return broken('C2', `an attempt of intent ${intent} came back`, about);
      if (turns === known.turn) return broken('C2', `two attempts of intent ${intent} in one turn`, about);
      const from = before?.intent === intent ? before.attempt : null;
      if (from !== null && from.boot !== attempt.boot && this.world.register.boots.has(from.boot))
        return broken('C2', `the turn at intent ${intent} was taken from a boot that is not gone`, about);
      if (from === null && before?.intent === intent && before.undoing === undoing && this.isEarly(before))
        return broken('B1', `intent ${intent} is tried again before its time`, about);
      this.nonces.add(attempt.nonce);
    }
    this.turns.set(intent, { turn: turns, nonce });
    return null;
  }

  /** By a clock that was never set. */
  private isEarly({ tries, retryAt = 0 }: LaneEntry): boolean {
    const { instantMs, clockWasSet } = this.world;
    return tries > 0 && !clockWasSet && retryAt > instantMs;
  }

  /** A record changes by the commit of the intent that has the claim, once. */
  private committing(
    about: string,
    before: VolumeRecord | null,
    after: VolumeRecord | null,
    changes: readonly Change[],
  ): Mistake | null {
    const lane = changes.findLast(({ what, key }) => what === 'lanes' && key.endsWith(about));
    const head = (lane?.before as Lane | null)?.entries[0];
    if (head === undefined) return broken('C1', 'a record changed without its lane', about);
    if (this.committed.has(head.intent))
      return broken('C5', `intent ${head.intent} took effect twice`, about);
    this.committed.add(head.intent);
    if (after !== null && after.lastIntent !== head.intent)
      return broken('C1', `intent ${after.lastIntent} took effect out of its turn`, about);
    const { tombstones } = this.world.register;
    const ends = after ?? tombstones.get(about.slice(-36));
    if (ends === undefined) return null;
    if (before !== null && ends.rev !== before.rev + 1)
      return broken('V2', `from rev ${before.rev} to ${ends.rev}`, about);
    if (before !== null && ends.at <= before.at)
      return broken('V2', 'the instant of a commit went back', about);
    if (before !== null && after !== null && after.sizeGib < before.sizeGib)
      return broken('V5', `the record shrank from ${before.sizeGib} to ${after.sizeGib} GiB`, about);
    return this.expectOwed(about, before, after, ends.rev);
  }

  /** What changes what is billed goes with what billing is to learn of it. */
  private expectOwed(
    about: string,
    before: VolumeRecord | null,
    after: VolumeRecord | null,
    rev: number,
  ): Mistake | null {
    if ((before?.sizeGib ?? null) === (after?.sizeGib ?? null)) return null;
    for (const fact of this.world.register.everOwed.values())
      if (fact.resource === about && fact.rev === rev) return null;
    return broken('M1', 'a volume changed, and billing is owed nothing', about);
  }

  /** V5, M1: exactly what the record says, from the instant of its commit on. */
  private owed({ intent, resource, rev, at, want }: OwedFact): Mistake | null {
    const { actions, records, tombstones } = this.world.register;
    const kind = [...actions.values()].find((action) => action.intent === intent)?.kind;
    const record = records.get(resource);
    const stands = record ?? tombstones.get(resource.slice(-36));
    const sizeGib = (want as { sizeGib: number } | null)?.sizeGib ?? null;
    // What billing is told once more it is told as of now.
    const isTrue = stands?.at === at || kind === 'repair-subscription';
    if (stands?.rev === rev && isTrue && sizeGib === (record?.sizeGib ?? null)) return null;
    return broken(
      'V5',
      `billing is owed ${sizeGib} GiB at rev ${rev}, which the record does not say`,
      resource,
    );
  }

  /** C3: who was fenced does not come back. C6: only who was silent for long enough, or is known to be dead, is fenced. */
  private boot(before: BootRecord | null, after: BootRecord | null): Mistake | null {
    if (after === null && before !== null) this.gone.add(before.boot);
    if (after?.state === 'alive' && (before?.state === 'fencing' || this.gone.has(after.boot)))
      return broken('C3', `the boot of ${after.name} came back after it was fenced`);
    if (before?.state !== 'alive' || after?.state === 'alive') return null;
    const process = this.world.processes.find(({ boot }) => boot === before.boot);
    if (process === undefined || process.state === 'dead') return null;
    const silentMs = this.world.pool.nowMs - process.beatLandedMs;
    if (silentMs >= SILENT_MS && process.hindered && after !== null) return null;
    const why = process.hindered ? '' : ', though nothing kept it from beating';
    return broken('C6', `${process.name} was fenced ${Math.round(silentMs)} ms after its last beat${why}`);
  }
}

/** Whether anything but what was appended behind it has changed. */
function isWorkedAt(before: LaneEntry, now: LaneEntry): boolean {
  return now.intent !== before.intent || now.turns !== before.turns || now.parked === null;
}
