import { Refusal, StaleError } from '@plumbline/domain';
import type {
  AccountId,
  DiscrepancyRecord,
  FacetName,
  Instant,
  IntentId,
  PassedOver,
  ScrubSettings,
  Snapshot,
} from '@plumbline/domain';
import { isUnchanged, lookAtOne } from './look.js';
import type { ScrubberPorts } from './ports.js';
import { filed, findingOf, placeOf, refused, remedyFor, turned } from './records.js';
import type { Suspicion } from './walk.js';

const HOUR_MS = 3600 * 1000;
/** Repairs of one thing that did not help; one more would be a loop. */
const REPAIRS_MAX = 3;

/** What a pass knows when it has come to its end. */
export interface Decided {
  readonly known: readonly DiscrepancyRecord[];
  readonly settings: ScrubSettings;
  /** Facets of which nothing is repaired. */
  readonly braked: ReadonlySet<FacetName>;
}

/** What became of a repair that was to be recorded. */
export type Filed = { readonly intent: IntentId } | { readonly passedOver: PassedOver };

/** Records repairs, each behind one more look: what is filed is wrong now, in the very way that was decided about. */
export class Repairs {
  constructor(private readonly ports: ScrubberPorts) {}

  /** @returns how many were recorded. @throws Refusal when the registry cannot be asked */
  async file({ braked, known, settings }: Decided, signal: AbortSignal): Promise<number> {
    const limit = settings.repairsPerHour ?? this.ports.repairsPerHour;
    let left = limit - begunSince(known, this.ports.now() - HOUR_MS);
    let count = 0;
    if (settings.paused) return 0;
    for (const record of inOrder(known)) {
      signal.throwIfAborted();
      const isMeant = record.state === 'confirmed' && record.remedy.does !== 'report';
      if (!isMeant || braked.has(record.facet) || isHeld(record, settings)) continue;
      if (left <= 0) {
        this.ports.log.warn({ limit }, 'no more is repaired within this hour');
        break;
      }
      if ('passedOver' in (await this.fileOne(record, signal))) continue;
      left -= 1;
      count += 1;
    }
    return count;
  }

  /** Looks once more, and records the repair of what is still as it was. @throws Refusal when the registry cannot be asked */
  async fileOne(record: DiscrepancyRecord, signal: AbortSignal): Promise<Filed> {
    const { book, log } = this.ports;
    const place = placeOf(record);
    const look = await lookAtOne(this.ports, { ...record, place }, signal);
    if (look === null) return { passedOver: 'agrees' };
    if (look === 'unknown') return { passedOver: 'unknown' };
    if (!isAsDecided(record, look)) return { passedOver: 'changed' };
    const facet = this.ports.sources.find((source) => source.facet.name === record.facet)?.facet;
    const remedy = facet && remedyFor(facet, look);
    const account = accountOf(look);
    if (remedy?.name !== record.remedy.name) return { passedOver: 'changed' };
    if (remedy.files === undefined || account === null) return { passedOver: 'no-repair' };
    const { kind, params } = remedy.files;
    const of = { facet: record.facet, key: record.key, remedy: remedy.name, kind };
    try {
      const intent = await this.ports.file({
        kind,
        params: params(findingOf(look)),
        account,
        onlyIf: (snapshot) => look.snapshot !== null && isUnchanged(look.snapshot, snapshot),
      });
      await book.change(record, (standing) => standing && filed(standing, intent, this.ports.now()));
      log.warn({ ...of, intentId: intent, resource: look.snapshot?.resource }, 'repair was recorded');
      return { intent };
    } catch (err) {
      if (err instanceof StaleError) return { passedOver: 'unknown' };
      if (!(err instanceof Refusal) || err.code === 'service_unavailable') throw err;
      log.warn({ ...of, err }, 'repair was refused');
      // Whose lane or account is full is asked again, as customers are.
      if (err.code !== 'too_many_requests') {
        const by = { at: this.ports.now(), note: `refused: ${err.message}` };
        await book.change(record, (standing) => standing && refused(standing, REPAIRS_MAX, by));
      }
      return { passedOver: 'refused' };
    }
  }
}

/**
 * A discrepancy that was seen twice, as it stands then: a repair that has ended and left it as it was is tried again, but not
 * for ever; and what was accepted for a time is wrong again when that is over.
 */
export function confirmed(record: DiscrepancyRecord, at: Instant): DiscrepancyRecord {
  const { accepted, repairs, state } = record;
  if (state === 'seen-once') return turned(record, 'confirmed', { at, note: 'seen twice' });
  if (state === 'accepted' && accepted !== null && at >= accepted.until)
    return turned(record, 'confirmed', { at, note: 'it was accepted until now' });
  if (state !== 'repairing') return record;
  if (repairs < REPAIRS_MAX) return turned(record, 'confirmed', { at, note: 'the repair did not help' });
  return turned(record, 'parked', { at, note: `${repairs} repairs did not help` });
}

function begunSince(known: readonly DiscrepancyRecord[], since: Instant): number {
  const events = known.flatMap(({ history }) => history);
  return events.filter(({ at, state }) => state === 'repairing' && at > since).length;
}

/**
 * Whose oldest wrong is the oldest comes first; of one volume what should not be there goes before what should comes back: a
 * disk is not attached again while another VM has its image open.
 */
export function inOrder(known: readonly DiscrepancyRecord[]): readonly DiscrepancyRecord[] {
  const since = new Map<DiscrepancyRecord['volume'], Instant>();
  for (const { firstSeenAt, volume } of known)
    since.set(volume, Math.min(firstSeenAt, since.get(volume) ?? firstSeenAt));
  const sinceOf = ({ volume }: DiscrepancyRecord): Instant => since.get(volume) ?? 0;
  const backOf = (record: DiscrepancyRecord): number => (record.class === 'unexpected' ? 0 : 1);
  return [...known].sort(
    (one, other) =>
      sinceOf(one) - sinceOf(other) || backOf(one) - backOf(other) || one.firstSeenAt - other.firstSeenAt,
  );
}

function isHeld({ remedy }: DiscrepancyRecord, { modes }: ScrubSettings): boolean {
  return (modes[remedy.name] ?? 'repair') !== 'repair';
}

/** Also an intent that came and went since, and left the record as it was, makes it something else than what was seen twice. */
function isAsDecided(record: DiscrepancyRecord, look: Suspicion): boolean {
  return (
    look.class === record.class &&
    look.intents === record.intents &&
    (look.snapshot?.recordIndex ?? 0) === record.recordIndex
  );
}

function accountOf({ snapshot }: { readonly snapshot: Snapshot | null }): AccountId | null {
  return snapshot?.record?.account ?? snapshot?.tombstone?.account ?? null;
}
