import type { ResourceName } from '@plumbline/domain';
import type { Bell } from './bell.js';
import { chunksOf } from './chunks.js';
import { fieldsOf } from './job.js';
import { lanesInLine } from './places.js';
import type { RedisConnection } from './redis.js';
import { planSweep } from './sweep-plan.js';
import type { SweepMarker, SweepPlan, SweptLane } from './sweep-plan.js';

const KEY = 'plumbline:sweep';
/** A field that no resource has; gone when Redis was emptied, and with it every job. */
const EPOCH = 'epoch';
/** Fields written by one command. */
const FIELDS_MAX = 1000;
/** A crowd of rings goes out in parts, so that each has its deadline for itself. */
const RINGS_AT_ONCE = 100;

export interface SweepResult {
  readonly rung: number;
  /** Rings that Redis did not take; they come again at the next sweep. */
  readonly refused: number;
  readonly isFlushed: boolean;
}

/**
 * Rings the lanes that stand still. Markers live in Redis beside the jobs they tell of, and are lost with them; their times
 * are Redis's own, because the sweeping process changes and clocks differ.
 * @param wasAway whether Redis may have been away since the last sweep: then lanes may have been recorded and never rung
 * @throws when Redis cannot be asked: then there is nobody to ring either.
 */
export async function sweepLanes(
  lanes: readonly SweptLane[],
  { redis, bell, wasAway }: { redis: RedisConnection; bell: Bell; wasAway: boolean },
): Promise<SweepResult> {
  const { markers, isFlushed, nowMs } = await readMarkers(redis);
  const inLine = await lanesInLine(redis, lanes);
  const unlined = lanes.filter(({ resource }) => !inLine.has(resource));
  const plan = planSweep({ lanes: unlined, markers, areUnrung: isFlushed || wasAway, nowMs });
  const taken: SweepPlan['ring'][number][] = [];
  for (const rings of chunksOf(plan.ring, RINGS_AT_ONCE)) {
    const rung = await Promise.all(rings.map(ringAnew(bell)));
    taken.push(...rings.filter((_ring, index) => rung[index]));
  }
  const noted = new Map(plan.note);
  for (const { lane, marker } of taken) noted.set(lane.resource, marker);
  await writeMarkers(redis, { noted, forget: plan.forget, isFlushed });
  return { rung: taken.length, refused: plan.ring.length - taken.length, isFlushed };
}

/** It stood still for so long that whatever jobs it had are lost. */
function ringAnew(bell: Bell) {
  return ({ lane: { queue, resource, account, isAhead } }: SweepPlan['ring'][number]) =>
    bell.ring(queue, resource, { account, ahead: isAhead, anew: true });
}

async function readMarkers({ client }: RedisConnection): Promise<{
  markers: ReadonlyMap<ResourceName, SweepMarker>;
  isFlushed: boolean;
  nowMs: number;
}> {
  const [[seconds, micros], fields] = await Promise.all([client.time(), client.hgetall(KEY)]);
  const markers = new Map<ResourceName, SweepMarker>();
  for (const [name, text] of Object.entries(fields)) {
    const marker = name === EPOCH ? null : parseMarker(text);
    if (marker !== null) markers.set(name as ResourceName, marker);
  }
  const nowMs = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  return { markers, isFlushed: fields[EPOCH] === undefined, nowMs };
}

async function writeMarkers(
  { client }: RedisConnection,
  change: {
    noted: ReadonlyMap<ResourceName, SweepMarker>;
    forget: readonly ResourceName[];
    isFlushed: boolean;
  },
): Promise<void> {
  const fields = [...change.noted].map(([resource, marker]) => [resource, JSON.stringify(marker)] as const);
  for (const some of chunksOf(fields, FIELDS_MAX)) await client.hset(KEY, ...some.flat());
  for (const some of chunksOf(change.forget, FIELDS_MAX)) await client.hdel(KEY, ...some);
  // Only who found it missing sets it, and last: what is lost between reading and writing shows at the next sweep.
  if (change.isFlushed) await client.hset(KEY, EPOCH, '1');
}

function parseMarker(text: string): SweepMarker | null {
  try {
    const { index, rings, atMs } = fieldsOf(JSON.parse(text));
    if (typeof index !== 'number' || typeof rings !== 'number' || typeof atMs !== 'number') return null;
    return { index, rings, atMs };
  } catch {
    return null;
  }
}
