import type { BootId, BootRecord, HostName, Instant } from '@plumbline/domain';
import { BootGuard } from './boot-guard.js';
import type { KvOp } from './kv.js';
import type { Layout } from './layout.js';
import type { RegistryClock } from './registry-clock.js';
import type { Timing } from './timing.js';
import type { KvTransport } from './transport.js';

const BEAT_INTERVAL_MS = 2_000;
/** A beat whose answer takes longer has failed: the next one is due. */
export const BEAT_DEADLINE_MS = 1_900;
/** Lost beats that may still land; of more than these the oldest have long landed, or never will. */
const LOST_BEATS_MAX = 1_000;
/** Older than this, a landed beat no longer says that this process can beat. */
const BEAT_FRESH_MS = 2 * BEAT_INTERVAL_MS;

export interface BootIdentity {
  /** The process's configured name, such as `ceph-worker-1`. */
  readonly name: string;
  readonly app: string;
  readonly host: HostName | null;
  readonly version: string;
}

export interface OwnBootOptions {
  readonly transport: KvTransport;
  /** Sockets of its own, so that hung calls of others never stop the beats. */
  readonly beatTransport: KvTransport;
  readonly timing: Timing;
  readonly layout: Layout;
  readonly identity: BootIdentity;
  readonly deadlineMs: number;
  readonly newId: () => string;
  readonly clock: RegistryClock;
  /** This machine's wall clock, which a beat shows, and nothing is decided by. */
  readonly wall: () => Instant;
  /** This process may never write again: it must exit. Called at most once. */
  readonly onFenced: () => void;
  /** The registry has forgotten beats of this process: it was set back. */
  readonly onRewound: () => void;
}

/** This life of this process: its key, which guards all its writes, and its beats, by which others know that it lives. */
export class OwnBoot {
  readonly guard: BootGuard;
  readonly #options: OwnBootOptions;
  #beats = 0;
  /** The last beat that is known to have landed. */
  #landed = 0;
  /** Beats without an answer: each of them may still land, over any later one. */
  readonly #lost = new Set<number>();
  #landedAtMs: number;
  #failures = 0;
  #cancel: (() => void) | null = null;
  #ended = false;
  #fenced = false;

  /**
   * Makes both keys at once. One whose answer was lost is simply left: nobody works in its name, so it falls silent.
   * @throws TransientError, UncertainError
   */
  static async begin(options: OwnBootOptions): Promise<OwnBoot> {
    const { beatTransport, layout, identity, newId, wall } = options;
    const boot = newId() as BootId;
    const record: BootRecord = {
      boot,
      ...identity,
      nonce: newId(),
      state: 'alive',
      startedAt: wall(),
      address: null,
    };
    const answer = await beatTransport.transact([
      { verb: 'cas', key: layout.boot(boot), value: JSON.stringify(record), index: 0 },
      { verb: 'cas', key: layout.beat(boot), value: beatValue(0, wall()), index: 0 },
    ]);
    const index = answer.results?.[0]?.index;
    if (index === undefined) throw new Error('a new boot id was in use');
    return new OwnBoot(options, { record, index });
  }

  private constructor(options: OwnBootOptions, { record, index }: { record: BootRecord; index: number }) {
    this.#options = options;
    this.#landedAtMs = options.timing.nowMs();
    const key = options.layout.boot(record.boot);
    this.guard = new BootGuard({ ...options, key, record, index, newNonce: options.newId });
  }

  get boot(): BootId {
    return this.guard.record.boot;
  }

  get record(): BootRecord {
    return this.guard.record;
  }

  /** The registry's time, for all that one process writes down and others read. */
  registryNow(): Instant {
    return this.#options.clock.now();
  }

  /** False: this process may stamp and expire nothing. */
  clockTrusted(): boolean {
    return this.#options.clock.isKnown;
  }

  /** False: others may hold this process for dead, so it starts nothing new. */
  isBeating(): boolean {
    return !this.#fenced && this.#options.timing.nowMs() - this.#landedAtMs <= BEAT_FRESH_MS;
  }

  /** What an observer of others needs to know of its own beats. */
  get beatHistory(): { readonly failures: number; readonly landedAtMs: number } {
    return { failures: this.#failures, landedAtMs: this.#landedAtMs };
  }

  /**
   * The RADOS client of this process, to be noted before its first effect: it is what a fence cuts off.
   * @throws TransientError, UncertainError
   */
  async noteAddress(address: string): Promise<void> {
    if ((await this.guard.noteAddress(address)) === 'gone') this.fenced();
  }

  /** Beats until the end. */
  startBeating(): void {
    this.#cancel = this.#options.timing.after(BEAT_INTERVAL_MS, () => void this.#beatAndGoOn());
  }

  async #beatAndGoOn(): Promise<void> {
    const { timing } = this.#options;
    const dueAtMs = timing.nowMs() + BEAT_INTERVAL_MS;
    await this.beat();
    if (this.#ended || this.#fenced) return;
    const delayMs = Math.max(0, dueAtMs - timing.nowMs());
    this.#cancel = timing.after(delayMs, () => void this.#beatAndGoOn());
  }

  /**
   * One beat. It reads the boot's key in the same transaction: a fenced process learns of it by beating, and as the read of
   * a missing key fails, no beat however late revives what a fence has deleted. It also reads the beat before it: an older
   * one than this process knows to have landed is a registry's that was set back.
   */
  async beat(): Promise<void> {
    const { beatTransport, layout, wall, timing } = this.#options;
    const beat = ++this.#beats;
    const key = layout.beat(this.boot);
    const ops: readonly KvOp[] = [
      { verb: 'get', key: layout.boot(this.boot) },
      { verb: 'get', key },
      { verb: 'set', key, value: beatValue(beat, wall()) },
    ];
    try {
      const answer = await beatTransport.transact(ops);
      const [own, before] = answer.results ?? [];
      if (own?.value === undefined || (JSON.parse(own.value) as BootRecord).state !== 'alive')
        return this.fenced();
      if (this.#isForgotten(before?.value)) this.#options.onRewound();
      this.#landed = beat;
      this.#landedAtMs = timing.nowMs();
    } catch {
      this.#failures += 1; // An absent Consul kills nobody: it is tried again, and meanwhile nothing is started.
      this.#lose(beat);
    }
  }

  #isForgotten(before: string | undefined): boolean {
    if (before === undefined) return false;
    const { beats } = JSON.parse(before) as { beats: number };
    return beats < this.#landed && !this.#lost.has(beats);
  }

  #lose(beat: number): void {
    this.#lost.add(beat);
    const [oldest] = this.#lost;
    if (this.#lost.size > LOST_BEATS_MAX && oldest !== undefined) this.#lost.delete(oldest);
  }

  /** Somebody fences this boot, or has: nothing it writes will land. */
  fenced(): void {
    if (this.#fenced) return;
    this.#fenced = true;
    this.#cancel?.();
    if (!this.#ended) this.#options.onFenced();
  }

  /** Leaves without a trace. For a clean end only, when every attempt was given back; else the keys must fall silent. */
  async end(): Promise<void> {
    this.#ended = true;
    this.#cancel?.();
    const { transport, layout } = this.#options;
    const key = this.guard.key;
    const index = this.guard.index;
    await transport.transact([
      { verb: 'check-index', key, index },
      { verb: 'delete-cas', key, index },
      { verb: 'delete', key: layout.beat(this.boot) },
    ]);
  }
}

/** Each differs from the one before it, or it would not be seen. */
function beatValue(beats: number, at: Instant): string {
  return JSON.stringify({ beats, at });
}
