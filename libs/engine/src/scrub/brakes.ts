import type {
  Brake,
  BrakeRelease,
  DiscrepancyRecord,
  FacetName,
  Instant,
  PassReport,
  Place,
} from '@plumbline/domain';
import type { Pass } from './pass.js';
import type { ScrubberPorts } from './ports.js';
import { placeOf } from './records.js';
import { isUnasked } from './tally.js';

/** More than this share of a facet's things being wrong is no drift but an accident, perhaps of the scrubber's own eyes. */
const SHARE = 0.02;
/** In a small system a few wrong things are a large share. */
const LEAST = 10;
/** A source that lists less than this share of what it listed before has lost its memory, or its listing has. */
const LISTED_SHARE = 0.5;
/** Below this many a listing may well shrink. */
const LISTED_LEAST = 20;

/** What one pass has found of one facet. */
export interface FacetTally {
  readonly facet: FacetName;
  /** Things of ours that were listed, or expected and not listed. */
  readonly things: number;
  readonly listed: number;
  /** What the last whole pass listed; null: there was none. */
  readonly listedBefore: number | null;
  /** What is wrong, by its causes. */
  readonly wrong: number;
}

/**
 * A registry that was set back has forgotten what it had promised, and much that is right seems wrong by its word: the brake
 * of every facet goes on before anything is begun by it, until an operator has looked.
 */
export async function brakeIfRewound({
  desk,
  now,
  revFloor,
  sources,
}: Pick<ScrubberPorts, 'desk' | 'now' | 'revFloor' | 'sources'>): Promise<void> {
  const floor = revFloor();
  if (floor <= ((await desk.knownFloor()) ?? 0)) return;
  for (const { facet } of sources)
    await desk.engage({ facet: facet.name, why: 'rewound', at: now(), wrong: 0, of: 0 });
  await desk.knowFloor(floor);
}

/**
 * Puts on the brakes that what the pass has found calls for.
 * @returns the facets of which nothing is repaired
 */
export async function brakeBy(
  pass: Pass,
  { desk, log, now, sources }: Pick<ScrubberPorts, 'desk' | 'log' | 'now' | 'sources'>,
  { known, last }: { known: readonly DiscrepancyRecord[]; last: PassReport | null },
): Promise<ReadonlySet<FacetName>> {
  const [standing, releases] = [await desk.brakes(), await desk.releases()];
  const braked = new Set(standing.map(({ facet }) => facet));
  for (const { facet } of sources) {
    const tally = pass.tallies.get(facet.name);
    if (tally === undefined) continue;
    // What could not be listed is unknown, and so is how much of it is wrong.
    if (tally.lost) {
      braked.add(facet.name);
      continue;
    }
    const listedOnes = known.filter(
      (record) => record.facet === facet.name && !isUnasked(tally, placeOf(record)),
    );
    const counted = listedOnes.filter(
      (record) => COUNTED.has(record.state) || wasRepairedSince(record, (last ?? pass).startedAt),
    );
    const wrong = causesOf(counted, facet.causeOf?.bind(facet)) + tally.beyond;
    const release = releases.find((one) => one.facet === facet.name) ?? null;
    // What has a common cause may all go at once: one VM that is off takes all of its disks with it.
    const before = facet.causeOf ? null : last?.facets.find((one) => one.facet === facet.name);
    const listedBefore = before?.objects ?? null;
    const { listed, things } = tally;
    const of = { facet: facet.name, things, listed, listedBefore, wrong };
    const brake = brakeOf(of, release, now());
    if (release !== null && brakeOf(of, null, 0) === null) await desk.expire(release);
    if (brake === null || braked.has(facet.name)) continue;
    await desk.engage(brake);
    braked.add(facet.name);
    log.error({ ...brake }, 'brake is on: nothing of this facet is repaired');
  }
  return braked;
}

/** How much of a facet may be wrong before repairs of it stop. */
function toleratedOf(things: number): number {
  return Math.max(LEAST, Math.floor(things * SHARE));
}

/** Why repairs of that facet must stop; null: they may go on. */
function brakeOf(tally: FacetTally, release: BrakeRelease | null, at: Instant): Brake | null {
  const { facet, listed, listedBefore, things, wrong } = tally;
  if (release === null && isSuspicious(tally))
    return { facet, why: 'few-listed', at, wrong: listed, of: listedBefore ?? 0 };
  if (wrong <= toleratedOf(things) + (release?.wrong ?? 0)) return null;
  return { facet, why: 'share', at, wrong, of: things };
}

/** It lists little, and not because so much was deleted: the registry still expects more than that. */
function isSuspicious({ listed, listedBefore, things }: FacetTally): boolean {
  if (listedBefore === null || listedBefore < LISTED_LEAST) return false;
  return listed < listedBefore * LISTED_SHARE && listed < things * LISTED_SHARE;
}

/** How many causes there are of what is wrong. What belongs to strangers, or was accepted, is nobody's accident. */
function causesOf(
  records: readonly DiscrepancyRecord[],
  causeOf: ((place: Place) => string) | undefined,
): number {
  const ours = records.filter(({ volume }) => volume !== null);
  const causes = ours.map(({ class: sort, host, key }) => {
    const place = host === null ? { key } : { key, host };
    return `${sort} ${causeOf?.(place) ?? `${host ?? ''} ${key}`}`;
  });
  return new Set(causes).size;
}

/**
 * What comes in the middle of a pass is found in two parts, and of the first alone too little may be wrong: what was repaired
 * since the last whole pass began counts with what this one has found.
 */
function wasRepairedSince({ history, state }: DiscrepancyRecord, since: Instant): boolean {
  return state === 'repaired' && history.some((event) => event.state === 'repairing' && event.at > since);
}

const COUNTED: ReadonlySet<DiscrepancyRecord['state']> = new Set([
  'confirmed',
  'repairing',
  'parked',
] as const);
