import type { AccountId, QueueName, ResourceName } from '@plumbline/domain';

/** A lane as the sweep finds it in the registry. */
export interface SweptLane {
  readonly resource: ResourceName;
  /** Where its next step is carried out. */
  readonly queue: QueueName;
  /** The registry's index: it moves with every change of the lane. */
  readonly index: number;
  readonly account: AccountId;
  /** Whether it goes before bulk work when it is rung. */
  readonly isAhead: boolean;
  /** Nothing is to be done for it: it waits for a person. */
  /** Nothing can be done about it now, by whomever it is rung for: it waits for a person, or for a host that is away. */
  readonly isParked: boolean;
}

/** What the sweep remembers of a lane: in which state it saw it last, and when it began to wait for a change. */
export interface SweepMarker {
  readonly index: number;
  /** Rings that Redis took while the lane stood at this index. */
  readonly rings: number;
  readonly atMs: number;
}

export interface SweepPlan {
  /** Lanes to ring, and the marker each gets when Redis takes the ring; otherwise it keeps the one it has. */
  readonly ring: readonly { readonly lane: SweptLane; readonly marker: SweepMarker }[];
  /** Lanes seen for the first time at their index: the wait begins. */
  readonly note: ReadonlyMap<ResourceName, SweepMarker>;
  /** Markers of lanes that are gone. */
  readonly forget: readonly ResourceName[];
}

const INTERVAL_MIN_MS = 5000;
const INTERVAL_MAX_MS = 60_000;
/** Sweeps come every five seconds, give or take: a lane must not wait for the next because of the take. */
const EARLY_MS = 500;
const RINGS_MAX = 1000;

/**
 * Which lanes to ring: those without a change for 5, 10, 20 … 60 s. The interval grows only by a ring that Redis took. After
 * Redis was emptied, or away, rings are gone too, so every lane without a marker is rung at once, and its intervals begin anew.
 */
export function planSweep({
  lanes,
  markers,
  areUnrung,
  nowMs,
}: {
  lanes: readonly SweptLane[];
  markers: ReadonlyMap<ResourceName, SweepMarker>;
  /** Lanes without a marker may never have been rung. */
  areUnrung: boolean;
  /** By the clock that the markers were made by. */
  nowMs: number;
}): SweepPlan {
  const note = new Map<ResourceName, SweepMarker>();
  const due: { lane: SweptLane; marker: SweepMarker; sinceMs: number }[] = [];
  for (const lane of lanes) {
    if (lane.isParked) continue;
    const last = markers.get(lane.resource);
    const rung = (rings: number): SweepMarker => ({ index: lane.index, rings, atMs: nowMs });
    if (last?.index === lane.index) {
      if (isDue(last, nowMs)) due.push({ lane, marker: rung(last.rings + 1), sinceMs: last.atMs });
    } else if (last === undefined && areUnrung) {
      due.push({ lane, marker: rung(1), sinceMs: nowMs });
    } else {
      note.set(lane.resource, rung(0));
    }
  }
  due.sort((a, b) => a.sinceMs - b.sinceMs);
  const present = new Set(lanes.filter((lane) => !lane.isParked).map((lane) => lane.resource));
  return {
    ring: inTurns(due)
      .slice(0, RINGS_MAX)
      .map(({ lane, marker }) => ({ lane, marker })),
    note,
    forget: [...markers.keys()].filter((resource) => !present.has(resource)),
  };
}

/** Each account's oldest, then each account's second, and so on: no account's thousands come before another's first. */
function inTurns<T extends { readonly lane: SweptLane }>(due: readonly T[]): readonly T[] {
  const counts = new Map<AccountId, number>();
  const ranked = due.map((one) => {
    const { account } = one.lane;
    const rank = counts.get(account) ?? 0;
    counts.set(account, rank + 1);
    return { one, rank };
  });
  return ranked.sort((a, b) => a.rank - b.rank).map(({ one }) => one);
}

function isDue({ rings, atMs }: SweepMarker, nowMs: number): boolean {
  const intervalMs = Math.min(INTERVAL_MAX_MS, INTERVAL_MIN_MS * 2 ** Math.min(rings, 10));
  // A clock that went back would make the lane wait for as long as it went back.
  return nowMs < atMs || nowMs - atMs >= intervalMs - EARLY_MS;
}
