import type { z } from 'zod';
import type { Refusal } from './errors.js';
import type { ResourceName, VmId, VolumeId } from './ids.js';
import type { Json } from './json.js';
import type { Plan } from './plan.js';
import type { Region, VmRecord, VolumeRecord } from './records.js';

/** What a request is judged by. */
export interface AdmissionView {
  /** The record with all that is pending folded over it: what will be true when this intent's turn comes. */
  readonly record: VolumeRecord | null;
  /** The VM that the parameters name, if they name one; null: there is none of this account. Absent at an attempt. */
  readonly vm?: VmRecord | null;
  readonly regions: readonly Region[];
}

/** How a kind is asked for over `/v2/volumes/{id}/actions`. */
export interface ActionRequest<P> {
  /** The body's `type`. */
  readonly type: string;
  /** The rest of the body; unknown fields are ignored. Issues name the fields in the contract's words. */
  readonly body: z.ZodType<Json>;
  params(volumeId: VolumeId, body: Json): P;
}

/** An intent kind is data: every choice is made here, workers decide nothing. Pure and deterministic throughout. */
export interface IntentDefinition<P extends Json = Json> {
  /** File name, metric label and page in `docs/operating` too. Noun first. */
  readonly kind: string;
  /** The type that customers see: `create_volume`. */
  readonly action: string;
  /**
   * What must be there when its turn comes: nothing yet, for the intent mints the id; the volume; only what is left of one
   * that was; or either of these two.
   */
  readonly on: 'absent' | 'present' | 'gone' | 'any';
  /** Filed by the scrubber or an operator: customers neither ask for it nor see it among their actions. */
  readonly internal?: true;
  /** Of what is internal: asked for by an operator, at any time; the scrubber files none. */
  readonly operators?: true;
  /** Its end is the id's: nothing of it can come late any more, and the tombstone goes. */
  readonly forgets?: true;
  /** Ends what it finds not committed yet: a create before it is undone, and both end together. */
  readonly cancels?: true;
  /** Goes four to one before bulk work: somebody's VM waits for it. */
  readonly ahead?: true;
  readonly params: z.ZodType<P>;
  /** Parameters as they could be: for the proofs that every kind goes through, and for the documentation. */
  readonly example: P;
  readonly request?: ActionRequest<P>;
  resource(params: P): ResourceName;
  /** The VM whose record the admission must read. */
  vm?(params: P): VmId;
  /** Completes what the customer said by what the registry knows at admission, such as the host of a VM. */
  resolve?(params: P, view: AdmissionView): P;
  /** Why this cannot be, in the contract's words. Asked at admission, and again when its turn comes. */
  refuse(params: P, view: AdmissionView): Refusal | null;
  plan(params: P, record: VolumeRecord | null): Plan;
}

/** A kind whose parameter type was forgotten, for the catalogue; parameters were checked by its schema. */
export type AnyIntentDefinition = IntentDefinition;

export function defineIntent<P extends Json>(definition: IntentDefinition<P>): AnyIntentDefinition {
  return definition; // The schema checks parameters where they enter; see `params`.
}

export type IntentCatalog = ReadonlyMap<string, AnyIntentDefinition>;

export function catalogOf(definitions: readonly AnyIntentDefinition[]): IntentCatalog {
  return new Map(definitions.map((definition) => [definition.kind, definition]));
}
