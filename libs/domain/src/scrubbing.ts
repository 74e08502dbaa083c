import type { DiscrepancyClass, Doing, FacetName } from './facet.js';
import type { AccountId, HostName, IntentId, VolumeId } from './ids.js';
import type { Json } from './json.js';
import type { Instant } from './records.js';
import type { SourceName } from './sources.js';

/**
 * `seen-once`: to be looked at again. `confirmed`: it counts. `repairing`: an intent is on its way. `repaired`: it agrees
 * again, whoever mended it. `parked`: a person is needed. `accepted`: a person has said that it may stay.
 */
export const DISCREPANCY_STATES = [
  'seen-once',
  'confirmed',
  'repairing',
  'repaired',
  'parked',
  'accepted',
] as const;
export type DiscrepancyState = (typeof DISCREPANCY_STATES)[number];

/** Expectation and observation differ. It counts when seen twice, far enough apart, with no claim between. */
export interface DiscrepancyRecord {
  readonly facet: FacetName;
  readonly class: DiscrepancyClass;
  readonly key: string;
  readonly host: HostName | null;
  /** Null: a stranger's thing, which belongs to no volume. */
  readonly volume: VolumeId | null;
  readonly account: AccountId | null;
  readonly want: Json;
  readonly seen: Json;
  /** The name of the process that saw it last. */
  readonly seenBy: string;
  /** The record's index at the sightings. */
  readonly recordIndex: number;
  /** How many intents the volume had had when it was seen last: a later one may have left the record as it was. */
  readonly intents: number;
  readonly firstSeenAt: Instant;
  readonly lastSeenAt: Instant;
  readonly remedy: { readonly name: string; readonly does: Doing; readonly why: string };
  readonly state: DiscrepancyState;
  /** The intent that was filed last. */
  readonly intent: IntentId | null;
  /** Intents filed for it since it was seen first. */
  readonly repairs: number;
  /** Why a person is needed; null unless parked. */
  readonly parked: string | null;
  readonly accepted: { readonly by: string; readonly reason: string; readonly until: Instant } | null;
  /** Its states so far, the newest last. */
  readonly history: readonly DiscrepancyEvent[];
}

export interface DiscrepancyEvent {
  readonly at: Instant;
  readonly state: DiscrepancyState;
  readonly note: string;
}

/** Why a facet's repairs have stopped. They go on only by an operator's word. */
export interface Brake {
  readonly facet: FacetName;
  /**
   * `share`: too much of it is wrong. `few-listed`: the source lists suspiciously little. `rewound`: the registry was set
   * back, and nothing of it is believed before somebody has looked.
   */
  readonly why: 'share' | 'few-listed' | 'rewound';
  readonly at: Instant;
  /** How many things were wrong, by their causes, and of how many; of `few-listed`: listed, and expected. */
  readonly wrong: number;
  readonly of: number;
}

/** An operator's word that a facet's repairs may go on although so much was wrong. */
export interface BrakeRelease {
  readonly facet: FacetName;
  /** As much as this was wrong then, and was looked at. */
  readonly wrong: number;
  readonly by: string;
  readonly reason: string;
  readonly at: Instant;
}

/** What a mode allows of a remedy: all that it says, to tell of it only, or not even to look. */
export const SCRUB_MODES = ['repair', 'report', 'off'] as const;
export type ScrubMode = (typeof SCRUB_MODES)[number];

/** One discrepancy of a plan: it is repaired only while it is found as it was planned. */
export interface PlannedRepair {
  /** What operators name the discrepancy by. */
  readonly id: string;
  readonly class: DiscrepancyClass;
  readonly remedy: string;
  readonly recordIndex: number;
}

/** An operator's word that a plan of repairs is to be carried out. */
export interface RepairRequest {
  /** Of the plan: the same facts have the same. */
  readonly hash: string;
  readonly repairs: readonly PlannedRepair[];
  readonly by: string;
  readonly reason: string;
  readonly at: Instant;
}

/**
 * Why a repair was not recorded. `agrees`: nothing is wrong any more. `unknown`: somebody is at work on it, or its source does
 * not answer. `changed`: it is wrong in another way, or was judged. `refused`: as any intent may be.
 */
export type PassedOver =
  'agrees' | 'unknown' | 'changed' | 'no-repair' | 'refused' | 'brake' | 'paused' | 'off';

/** What became of a request. */
export interface RepairAnswer {
  readonly hash: string;
  readonly by: string;
  readonly reason: string;
  readonly requestedAt: Instant;
  readonly at: Instant;
  readonly filed: readonly { readonly id: string; readonly intent: IntentId }[];
  readonly passedOver: readonly { readonly id: string; readonly why: PassedOver }[];
}

/** What operators have set. */
export interface ScrubSettings {
  /** By name of remedy; those not named repair. */
  readonly modes: Readonly<Record<string, ScrubMode>>;
  /** Repairs begun within any hour, over all facets; null: what is configured. */
  readonly repairsPerHour: number | null;
  /** Nothing is repaired. */
  readonly paused: boolean;
}

/** How a facet stands in one pass. */
export interface FacetCount {
  readonly facet: FacetName;
  /** Things that the source listed; null: it could not be listed. */
  readonly objects: number | null;
  /** Things that are expected in a part of the source that could not be asked: nobody knows of them. */
  readonly unasked: number;
  readonly missing: number;
  readonly unexpected: number;
  readonly different: number;
}

/** How fast a source is asked now, and how fast it may be: less while its answers take longer than usual. */
export interface ScrubPace {
  readonly source: SourceName;
  readonly perSecond: number;
  readonly budget: number;
}

/** What a pass has come to. */
export interface PassReport {
  readonly pass: number;
  readonly startedAt: Instant;
  readonly endedAt: Instant;
  readonly volumes: number;
  readonly facets: readonly FacetCount[];
  readonly confirmed: number;
  readonly healed: number;
  readonly filed: number;
  /** What waits for a person. */
  readonly waiting: number;
  readonly oldestAt: Instant | null;
}

/** What the scrubber that leads is doing. */
export interface ScrubStatus {
  /** The name of its process. */
  readonly leader: string;
  readonly at: Instant;
  /** The present pass; null: between two. */
  readonly pass: {
    readonly pass: number;
    readonly startedAt: Instant;
    /** Volumes looked at, and how many the last pass had. */
    readonly looked: number;
    readonly expected: number | null;
    /** The last volume that was looked at: who takes the lead goes on behind it. */
    readonly after: VolumeId | null;
    readonly facets: readonly FacetCount[];
  } | null;
  readonly perSecond: number;
  readonly paces: readonly ScrubPace[];
  readonly last: PassReport | null;
}
