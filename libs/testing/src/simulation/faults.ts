import { DRIFTS } from './drifts.js';

/** What a call out of a worker is for: where it can come to grief. */
const CALL_POINTS = [
  'look',
  // The same, at an intent whose turn was taken from the dead.
  'look-taken-over',
  'image-create',
  'image-grow',
  'image-trash',
  'image-purge',
  'node-add',
  'node-grow',
  'node-remove',
  'device-add',
  'device-remove',
  'record',
] as const;
export type CallPoint = (typeof CALL_POINTS)[number];

/** What a write of the registry is for. A boot is taken over in two: first it is marked, and behind the fence its keys go. */
const WRITE_POINTS = [
  'admission',
  'attempt',
  'ledger',
  'commit',
  'give-back',
  'takeover',
  'clearance',
  'drain',
] as const;
export type WritePoint = (typeof WRITE_POINTS)[number];

const CALL_FAULTS = [
  'call-refused-for-now',
  'call-refused',
  'call-lost',
  'call-late',
  'call-reply-lost',
] as const;
const WRITE_FAULTS = [
  'write-refused',
  'write-failed',
  'write-lost',
  'write-late',
  'write-doubled',
  'write-reply-lost',
] as const;
const STRIKES = ['worker-killed', 'worker-paused'] as const;
const MOMENTS = ['before', 'within', 'after'] as const;
/** What comes whenever it comes, whatever anybody is doing. */
const SUDDEN = [
  'worker-killed',
  'worker-paused',
  'api-killed',
  'api-paused',
  'all-killed',
  'restarted-over-living',
  'network-cut',
  'replies-cut',
  'consul-away',
  'consul-full',
  'consul-clock-set',
  'ceph-silent',
  'ceph-refuses',
  'billing-down',
  'bell-away',
  'bell-hung',
  'queue-flushed',
  'volume-busy',
  'image-watched',
  'ring-doubled',
  'ring-late',
  'clock-jumped',
  'vm-paused',
  'vm-refuses',
  'vm-restarted',
  'unplug-unanswered',
  'host-left',
  ...DRIFTS,
] as const;
export type CallFault = (typeof CALL_FAULTS)[number];
export type WriteFault = (typeof WRITE_FAULTS)[number];
export type Strike = (typeof STRIKES)[number];
export type Moment = (typeof MOMENTS)[number];
export type Sudden = (typeof SUDDEN)[number];

/** One fault, and where it befalls whoever comes there first. */
export type Fault =
  | { readonly kind: CallFault; readonly at: CallPoint }
  | { readonly kind: WriteFault; readonly at: WritePoint }
  | Struck
  | { readonly kind: Sudden; readonly at: null };
interface Struck {
  readonly kind: Strike;
  readonly at: CallPoint | WritePoint;
  readonly moment: Moment;
}

/** Every fault at every point: all of them must be met in a run of many seeds. */
export const FAULTS: readonly Fault[] = [
  ...CALL_FAULTS.flatMap((kind) => CALL_POINTS.filter((at) => befalls(kind, at)).map((at) => ({ kind, at }))),
  ...WRITE_FAULTS.flatMap((kind) => WRITE_POINTS.map((at) => ({ kind, at }))),
  ...STRIKES.flatMap((kind) =>
    [...CALL_POINTS, ...WRITE_POINTS.filter((at) => at !== 'admission')].flatMap((at) =>
      MOMENTS.map((moment) => ({ kind, at, moment })),
    ),
  ),
  ...SUDDEN.map((kind) => ({ kind, at: null })),
];

/** What is under way to Ceph when its sender dies or falls asleep is what fences and maps are there for. */
const WITHIN_MATTERS: ReadonlySet<string> = new Set([
  'image-create',
  'image-grow',
  'image-trash',
  'takeover',
  'clearance',
]);

/**
 * By nothing else is a monitor held by one while another asks for it, is one VM put off and come back to, or comes what a
 * killed QEMU had sent after the fence of its client; nor does anybody who was fenced meanwhile learn that of a write of his
 * nobody knows what became; nor is a disk to be made of an image that somebody has open, which is seldom attached just then.
 */
const OFTEN: Partial<Record<Sudden, number>> = {
  'network-cut': 8,
  'image-watched': 8,
  'restarted-over-living': 8,
  'vm-refuses': 6,
  'vm-restarted': 6,
};

/** What people do by hand befalls nobody at work: without it there is nothing for the scrubber to find. */
const DRIFTS_OFTEN = 5;
const DRIFT: ReadonlySet<string> = new Set(DRIFTS);

/** What a refusal is worth shows where a request comes too late, and its repetition too. */
const LATE_ADMISSION = 24;
/** And whoever takes a turn from the dead, and gives it back at once, is refused a look. */
const REFUSED_LOOK_TAKEN_OVER = 12;

/** How often each is drawn: writes have the most ways to go wrong, and what is sudden comes at one point only, as refusals do. */
function weightOf(fault: Fault): number {
  const { kind, at } = fault;
  if (at === null) return OFTEN[kind] ?? (DRIFT.has(kind) ? DRIFTS_OFTEN : 2);
  if (kind === 'call-refused-for-now' && at === 'look-taken-over') return REFUSED_LOOK_TAKEN_OVER;
  if (kind.startsWith('call-')) return 2;
  if ('moment' in fault && fault.moment === 'within' && WITHIN_MATTERS.has(at)) return 10;
  if (kind === 'write-late' && at === 'admission') return LATE_ADMISSION;
  return kind.startsWith('write-') ? 3 : 1;
}

/** Every fault, each as often as it is to be drawn. */
export const DRAWN: readonly Fault[] = FAULTS.flatMap((fault) =>
  Array.from({ length: weightOf(fault) }, () => fault),
);

export function isLook(at: CallPoint): boolean {
  return at === 'look' || at === 'look-taken-over';
}

/** A look is never refused for good, and a database that refuses a row for good has found a mistake of ours. */
function befalls(kind: CallFault, at: CallPoint): boolean {
  return kind !== 'call-refused' || (!isLook(at) && at !== 'record');
}

/** What nobody inflicts but what comes of the above, and must be seen too. */
export const CONSEQUENCES = [
  'boot-taken-over',
  'zombie-woke',
  'applied-after-death',
  'applied-while-paused',
  'refused-by-fence',
  'map-was-old',
  'map-forced',
  'operator-stepped-in',
  'client-fenced',
  'host-given-up',
  'registry-rewound',
  'halt-declared',
  'halt-confirmed',
  'unsure-waited',
  'source-away',
  'source-back',
  'part-away',
  'part-put-off',
  'part-back',
  'guest-wrote',
  'guest-fenced',
  'image-half-made',
  'image-restored',
  'name-given',
  'image-purged',
  'pass-done',
  'repair-filed',
  'drift-found',
  'purge-filed',
  'monitor-held',
  'intent-undone',
  'intent-parked',
  'create-cancelled',
  'quota-refused',
  'name-refused',
  'lane-full-refused',
  'foreign-refused',
  'outcome-unknown',
  'key-repeated',
  'key-misused',
  'id-repeated',
  'read-answered',
  'list-answered',
  'volume-create-completed',
  'volume-resize-completed',
  'volume-attach-completed',
  'volume-detach-completed',
  'volume-delete-completed',
  'volume-adopt-completed',
  'volume-release-completed',
  'volume-adopt-size-completed',
] as const;

export function nameOf(fault: Fault): string {
  if (fault.at === null) return fault.kind;
  return 'moment' in fault ? `${fault.kind} ${fault.moment} ${fault.at}` : `${fault.kind} at ${fault.at}`;
}

/** All that a run of many seeds has to have met. */
export const SIGHTS: readonly string[] = [...FAULTS.map(nameOf), ...CONSEQUENCES];

/** Faults that wait for whoever comes to their point, and how often each has befallen somebody. */
export class Faults {
  readonly reached = new Map<string, number>();
  /** Nothing befalls anybody any more. */
  isOver = false;
  private waiting: Fault[] = [];
  private rings: ('ring-doubled' | 'ring-late')[] = [];

  see(sight: string): void {
    this.reached.set(sight, (this.reached.get(sight) ?? 0) + 1);
  }

  arm(fault: Fault): void {
    if (fault.kind === 'ring-doubled' || fault.kind === 'ring-late') this.rings.push(fault.kind);
    else this.waiting.push(fault);
  }

  /** What befalls a call that comes to this point now. */
  ofCall(at: CallPoint): CallFault | null {
    return (this.take((fault) => fault.at === at && fault.kind.startsWith('call-'))?.kind ??
      null) as CallFault | null;
  }

  ofWrite(at: WritePoint): WriteFault | null {
    return (this.take((fault) => fault.at === at && fault.kind.startsWith('write-'))?.kind ??
      null) as WriteFault | null;
  }

  /** What befalls a worker at this point, and when. */
  ofWorker(at: CallPoint | WritePoint): Struck | null {
    const fault = this.take((one) => one.at === at && 'moment' in one);
    return fault !== null && 'moment' in fault ? fault : null;
  }

  ofRing(): 'ring-doubled' | 'ring-late' | null {
    const ring = this.rings.shift() ?? null;
    if (ring !== null) this.see(ring);
    return ring;
  }

  /** What has not befallen anybody yet will not. */
  stop(): void {
    this.isOver = true;
    this.waiting = [];
    this.rings = [];
  }

  private take(fits: (fault: Fault) => boolean): Fault | null {
    const at = this.waiting.findIndex(fits);
    if (at < 0) return null;
    const [fault] = this.waiting.splice(at, 1);
    this.see(nameOf(fault!));
    return fault!;
  }
}
