import type {
  AccountId,
  Backend,
  BootId,
  FacetName,
  IntentId,
  Journal,
  QueueName,
  ResourceName,
  RetryBudget,
  Step,
} from '@plumbline/domain';
import type { Rules } from './materialize.js';
import type { HostsKnown } from './work.js';

/** Time as the engine may know it. Injected, so that a simulation can own it. */
export interface Clock {
  /** Milliseconds since 1970 by the registry's own clock, for stamps only, never for order. It never goes back. */
  now(): number;
  /** False when it is not known what time it is, or whether others hold this process for dead: it starts nothing. */
  trusted(): boolean;
  /** A signal that aborts after that time; `clear` when it is no longer needed. */
  deadline(ms: number): { readonly signal: AbortSignal; readonly clear: () => void };
}

export interface RingOptions {
  readonly delayMs?: number;
  /** Whose lane it is: its account's turn decides when, and it spares who is rung finding that out. */
  readonly account?: AccountId | undefined;
  /** Goes before bulk work. */
  readonly ahead?: boolean | undefined;
}

/** The doorbell. Rings may be lost, doubled or late; nothing depends on them. */
export interface Bell {
  ring(queue: QueueName, resource: ResourceName, options?: RingOptions): Promise<boolean>;
  /** Tells a derived source's worker that something is owed to it. */
  drain(queue: QueueName): void;
  /** Tells whoever waits that this intent has settled or reached its commit. */
  wake(resource: ResourceName, intent: IntentId): void;
}

/** What is known of other boots. */
export interface BootsKnown extends HostsKnown {
  readonly self: BootId;
  /** True when that boot's key is missing: whatever it began, it can no longer end. */
  isGone(boot: BootId): boolean;
  /** True when that boot may be about to be gone: silent, being fenced, or unknown. */
  isDoubtful(boot: BootId): boolean;
  /** Ends this process: a call of its own cannot be waited for any longer, or a turn cannot be given back. */
  end(reason: string): void;
}

export interface StepPolicy {
  /** Longest that one call of a step may take. */
  readonly deadlineMs: number;
  /** Failed tries of one step before a person is asked. */
  readonly triesMax: number;
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
}

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What is known of how sources fare. Whoever calls tells how the call ended, so that an outage is noticed. */
export interface OutageView {
  /** How long to put off a call about this place, because what it stands and falls with is away; nought: not at all. */
  waitMs(step: Step): number;
  /** True when a failure there is an outage's, and so costs the intent no try. */
  isAway(step: Step): boolean;
  /** How a call ended: null, or its error. */
  report(step: Step, error: unknown): void;
}

export interface EngineContext {
  readonly journal: Journal;
  readonly rules: Rules;
  readonly bell: Bell;
  readonly clock: Clock;
  readonly log: Log;
  /** A fresh UUID v4. */
  uuid(): string;
  /** A fresh word that nobody else writes. */
  nonce(): string;
  /** From 0 up to 1. */
  random(): number;
}

/** A worker: an engine with hands. */
export interface WorkerContext extends EngineContext {
  readonly boots: BootsKnown;
  readonly queue: QueueName;
  readonly backends: ReadonlyMap<FacetName, Backend>;
  readonly policy: StepPolicy;
  /** Waits until fences have reached this worker's client: before the first effect of a turn taken from a dead boot. */
  catchUp(signal: AbortSignal): Promise<void>;
  /** Keeps a RADOS client from ever writing again, and waits until that is so. Asked only of workers of `FENCE_QUEUE`. */
  fence(address: string, signal: AbortSignal): Promise<void>;
  /** True while an operator has to confirm the registry's state: nothing is begun, and nothing can be written. */
  halted(): boolean;
  /**
   * True when the registry is known not to have been set back, as of now: what destroys something is begun only then, lest
   * it be decided by what is long over. False: not known.
   */
  sure(): Promise<boolean>;
  /** Versions of records below this may have been given to others before the registry was set back: none is given again. */
  revFloor(): number;
  readonly outages: OutageView;
  /** True when this process is to end: nothing new is begun, and what was begun is handed back. */
  stopping(): boolean;
  /** Shared by all lanes of this process: retries stay a share of the calls to its source. */
  readonly retries: RetryBudget;
  /** Resources that a handler of this process is busy with, and whether they were rung since it looked last. */
  readonly busy: Map<ResourceName, 'looking' | 'rung'>;
}
