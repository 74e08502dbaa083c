import type {
  DiscrepancyRecord,
  FacetName,
  Instant,
  PassReport,
  ScrubPace,
  ScrubStatus,
  VolumeId,
} from '@plumbline/domain';
import type { ScrubberPorts } from './ports.js';
import { countsOf, talliesOf } from './tally.js';
import type { Tally } from './tally.js';

/** Progress of another process that is older than this is not gone on with: too much has changed behind it. */
const PROGRESS_LIFE_MS = 3600 * 1000;

/** One pass, as far as it has come. */
export interface Pass {
  readonly pass: number;
  readonly startedAt: Instant;
  looked: number;
  after: VolumeId | null;
  confirmed: number;
  healed: number;
  filed: number;
  readonly tallies: ReadonlyMap<FacetName, Tally>;
}

/** A pass that goes on with that of whoever led before, if that was not long ago. */
export function begun(
  before: ScrubStatus | null,
  { now, sources }: Pick<ScrubberPorts, 'now' | 'sources'>,
): Pass {
  const at = now();
  const left = before !== null && at - before.at < PROGRESS_LIFE_MS ? before.pass : null;
  return {
    pass: left?.pass ?? (before?.last?.pass ?? 0) + 1,
    startedAt: left?.startedAt ?? at,
    looked: left?.looked ?? 0,
    after: left?.after ?? null,
    confirmed: 0,
    healed: 0,
    filed: 0,
    tallies: talliesOf(
      sources.map(({ facet }) => facet.name),
      left?.facets ?? [],
    ),
  };
}

export function reportOf(
  { confirmed, filed, healed, looked, pass, startedAt, tallies }: Pass,
  { endedAt, known }: { endedAt: Instant; known: readonly DiscrepancyRecord[] },
): PassReport {
  const waiting = known.filter(({ remedy, state }) =>
    state === 'parked' ? true : state === 'confirmed' && remedy.does !== 'repair',
  );
  const open = known.filter(({ state }) => state !== 'repaired' && state !== 'accepted');
  const oldestAt = open.reduce<Instant | null>(
    (oldest, { firstSeenAt }) => (oldest === null || firstSeenAt < oldest ? firstSeenAt : oldest),
    null,
  );
  return {
    pass,
    startedAt,
    endedAt,
    volumes: looked,
    facets: countsOf(tallies),
    confirmed,
    healed,
    filed,
    waiting: waiting.length,
    oldestAt,
  };
}

/** @param pass null between two passes */
export function statusOf(
  pass: Pass | null,
  {
    at,
    last,
    leader,
    paces,
    perSecond,
  }: Pick<ScrubStatus, 'at' | 'last' | 'leader' | 'perSecond'> & { paces: readonly ScrubPace[] },
): ScrubStatus {
  return {
    leader,
    at,
    perSecond,
    paces,
    last,
    pass: pass && {
      pass: pass.pass,
      startedAt: pass.startedAt,
      looked: pass.looked,
      expected: last?.volumes ?? null,
      after: pass.after,
      facets: countsOf(pass.tallies),
    },
  };
}

/** What part of each facet a pass has looked at so far. What it could not list, or ask, it has not looked at. */
export function coverageOf(
  { looked, tallies }: Pass,
  expected: number | null,
): readonly { readonly facet: FacetName; readonly share: number }[] {
  const come = expected === null ? 0 : Math.min(1, looked / Math.max(1, expected));
  return [...tallies.values()].map(({ facet, lost, things, unasked }) => ({
    facet,
    share: lost ? 0 : come * (things + unasked === 0 ? 1 : things / (things + unasked)),
  }));
}
