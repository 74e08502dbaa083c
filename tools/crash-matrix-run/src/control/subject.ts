import { volumeResource } from '@plumbline/domain';
import type {
  AccountRecord,
  Json,
  ParkReason,
  ResourceName,
  VolumeId,
  VolumeRecord,
} from '@plumbline/domain';
import type { Case } from '../matrix/cells.js';
import type { Asked } from './intents.js';

/** One case while it is struck: its volume, and what has become of its intent. */
export interface Subject {
  readonly of: Case;
  readonly volume: VolumeId;
  readonly account: AccountRecord;
  /** The VM it is put into, if into any. */
  readonly vm: number;
  readonly resource: ResourceName;
  /** What stands in the sources before it is asked for may be among them. */
  params: Json;
  /** The record as it stood when the intent was asked for. */
  before: VolumeRecord | null;
  asked: Asked | null;
  /** Whether a worker was held where the case wants it. */
  isReached: boolean;
  struckAtMs: number | null;
  settledAtMs: number | null;
  ended: string | null;
  parked: ParkReason | null;
  readonly wrong: string[];
}

export function newSubject(by: Pick<Subject, 'of' | 'account' | 'vm' | 'volume' | 'params'>): Subject {
  return {
    ...by,
    resource: volumeResource(by.volume),
    before: null,
    asked: null,
    isReached: false,
    struckAtMs: null,
    settledAtMs: null,
    ended: null,
    parked: null,
    wrong: [],
  };
}

/** What came of a case, for the report. */
export interface Outcome {
  readonly kind: string;
  readonly step: string;
  readonly point: string;
  readonly way: string;
  /** How the intent ended; what is wrong, if anything. */
  readonly result: string;
  readonly wrong: readonly string[];
  readonly reached: boolean;
  /** From the strike to the end of all that the intent caused. */
  readonly settleMs: number | null;
  readonly volume: string;
}

export function outcomeOf(subject: Subject): Outcome {
  const { of, ended, isReached, parked, settledAtMs, struckAtMs, volume, wrong } = subject;
  const settleMs = settledAtMs === null || struckAtMs === null ? null : Math.round(settledAtMs - struckAtMs);
  return {
    kind: of.variant.name,
    step: of.move.label,
    point: of.point,
    way: of.way,
    result: parked === null ? (ended ?? 'pending') : `parked (${parked}), resumed, ${ended ?? 'pending'}`,
    wrong,
    reached: isReached,
    settleMs,
    volume,
  };
}
