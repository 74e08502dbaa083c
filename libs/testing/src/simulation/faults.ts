import type { SimulatedProcess } from './process.js';

/** Everything that may befall; each must be reached at least once in a run of many seeds. */
export const FAULT_KINDS = [
  'worker-killed',
  'worker-paused',
  'api-killed',
  'all-killed',
  'restarted-over-living',
  'network-cut',
  'consul-refused',
  'consul-failed',
  'consul-request-lost',
  'consul-request-late',
  'consul-request-doubled',
  'consul-reply-lost',
  'call-refused-for-now',
  'call-refused',
  'call-lost',
  'call-late',
  'call-reply-lost',
  'bell-away',
  'queue-flushed',
  'ring-doubled',
  'ring-late',
  'clock-jumped',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** What befalls a worker in the middle of its work. */
export type Strike = (process: SimulatedProcess) => void;

/** What nobody inflicts but what comes of the above, and must be seen too. */
export const CONSEQUENCES = [
  'boot-taken-over',
  'zombie-woke',
  'applied-after-death',
  'image-half-made',
  'monitor-held',
  'intent-undone',
  'quota-refused',
] as const;
export type Consequence = (typeof CONSEQUENCES)[number];

export type Sight = FaultKind | Consequence;
export type ConsulFault = Extract<FaultKind, `consul-${string}`>;
export type CallFault = Extract<FaultKind, `call-${string}`>;

/** Faults that wait for whatever they befall, and how often each has. */
export class Faults {
  readonly reached = new Map<Sight, number>();
  private consul: ConsulFault[] = [];
  private calls: CallFault[] = [];
  private strikes: Strike[] = [];
  private rings: ('ring-doubled' | 'ring-late')[] = [];

  see(sight: Sight): void {
    this.reached.set(sight, (this.reached.get(sight) ?? 0) + 1);
  }

  armConsul(fault: ConsulFault): void {
    this.consul.push(fault);
  }

  armCall(fault: CallFault): void {
    this.calls.push(fault);
  }

  armRing(fault: 'ring-doubled' | 'ring-late'): void {
    this.rings.push(fault);
  }

  armStrike(strike: Strike): void {
    this.strikes.push(strike);
  }

  nextStrike(): Strike | null {
    return this.strikes.shift() ?? null;
  }

  nextConsul(): ConsulFault | null {
    return this.seen(this.consul.shift());
  }

  nextCall(): CallFault | null {
    return this.seen(this.calls.shift());
  }

  nextRing(): 'ring-doubled' | 'ring-late' | null {
    return this.seen(this.rings.shift());
  }

  /** What has not befallen anybody yet will not. */
  stop(): void {
    this.consul = [];
    this.calls = [];
    this.rings = [];
    this.strikes = [];
  }

  private seen<T extends FaultKind>(fault: T | undefined): T | null {
    if (fault === undefined) return null;
    this.see(fault);
    return fault;
  }
}
