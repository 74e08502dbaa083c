import type { Instant, SourceName } from '@plumbline/domain';
import type { BootGuard } from './boot-guard.js';
import type { KvEntry, KvOp } from './kv.js';
import type { Layout } from './layout.js';
import type { Timing } from './timing.js';
import { readKeys, type KvTransport } from './transport.js';

/** How often a process asks whether there is a halt. A write that is refused for one tells it at once. */
const HALT_INTERVAL_MS = 2_000;
/**
 * So far above all that was testified the tick is set when a halt ends: a witness that could not testify has heard of one
 * tick more at most, and what a keeper of one was just writing adds another.
 */
const CONFIRMED_MARGIN = 1_000;
/** No volume is changed as often as this between two ticks: so many versions of it go with each. */
const REVS_PER_TICK = 1_000_000;

/** Why nothing is written and nothing begun, and what is known of it. Kept under the key `halt`. */
export interface HaltRecord {
  readonly since: Instant;
  /** The name of the process that found it, or who set it. */
  readonly by: string;
  readonly why: string;
  /** The registry's tick then; null: it had none. */
  readonly tick: number | null;
  /** What the witnesses remember, as far as they could be asked. */
  readonly witnesses: Readonly<Partial<Record<SourceName, number>>>;
}

/** What the registry says of its own time, at one instant. */
export interface Standing {
  /** Raised every few seconds, and never lowered but by a restore. Null: this registry is new. */
  readonly tick: number | null;
  readonly tickIndex: number;
  /** Higher than any version of a record that was given before the registry was last set back; nought: it never was. */
  readonly revFloor: number;
  readonly halt: HaltRecord | null;
  readonly haltIndex: number;
}

interface HaltsOptions {
  readonly transport: KvTransport;
  readonly guard: BootGuard;
  readonly layout: Layout;
  readonly timing: Timing;
  readonly now: () => Instant;
  readonly newNonce: () => string;
  /** The process's name. */
  readonly name: string;
}

/**
 * The halt, and the tick that it is about. It writes past the group commit, whose every transaction is refused while there
 * is a halt; like those, each of its writes also checks this process's boot.
 */
export class Halts {
  #known: HaltRecord | null = null;
  #listeners: ((halt: HaltRecord | null) => void)[] = [];
  #cancel: (() => void) | null = null;
  #stopped = false;
  #tick: number | null = null;
  #revFloor = 0;

  constructor(private readonly by: HaltsOptions) {}

  /** The halt, as last heard of. */
  get known(): HaltRecord | null {
    return this.#known;
  }

  /** The registry's tick, as last heard of. */
  get tick(): number | null {
    return this.#tick;
  }

  /** The lowest version that a record may be given, as last heard of. */
  get revFloor(): number {
    return this.#revFloor;
  }

  onChange(listener: (halt: HaltRecord | null) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * A halt ends by a confirmation alone, which raises the tick: a key that is merely gone, as after another restore, is set
   * again by whoever knew it before he asked.
   * @throws TransientError, UncertainError
   */
  async read(): Promise<Standing> {
    const [known, tickBefore] = [this.#known, this.#tick];
    let standing = await this.#ask();
    if (known !== null && standing.halt === null && !isConfirmed(known, tickBefore, standing)) {
      await this.#write([this.#declaring(known)]);
      standing = await this.#ask();
    }
    this.#tick = standing.tick;
    this.#revFloor = Math.max(this.#revFloor, standing.revFloor);
    this.#hear(standing.halt);
    return standing;
  }

  async #ask(): Promise<Standing> {
    const { transport, layout } = this.by;
    const [tick, halt] = await readKeys(transport, [layout.tick, layout.halt]);
    const said = tick && (JSON.parse(tick.value) as { tick: number; revFloor?: number });
    return {
      tick: said?.tick ?? null,
      revFloor: said?.revFloor ?? 0,
      tickIndex: tick?.index ?? 0,
      halt: halt ? recordOf(halt) : null,
      haltIndex: halt?.index ?? 0,
    };
  }

  /** Asks from now on, every two seconds. */
  start(): void {
    void this.#askAndGoOn();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  /** Asks now; what cannot be asked stays as it was known. */
  async ask(): Promise<void> {
    await this.read().catch(() => undefined);
  }

  /**
   * Halts everything. This process stops at once, whether or not the registry can be written.
   * @throws TransientError, UncertainError: to be tried again
   */
  async declare(halt: Pick<HaltRecord, 'why' | 'tick' | 'witnesses'>): Promise<void> {
    const record: HaltRecord = { since: this.by.now(), by: this.by.name, ...halt };
    this.#hear(this.#known ?? record);
    await this.#write([this.#declaring(record)]);
    await this.read();
  }

  /** Adds what a witness remembers to the halt, for whoever is to confirm it. */
  async testify(name: SourceName, tick: number, { halt, haltIndex }: Standing): Promise<void> {
    if (halt === null || (halt.witnesses[name] ?? -1) >= tick) return;
    const record: HaltRecord = { ...halt, witnesses: { ...halt.witnesses, [name]: tick } };
    const key = this.by.layout.halt;
    await this.#write([{ verb: 'cas', key, value: JSON.stringify(record), index: haltIndex }]);
  }

  /** The next tick. False: somebody else was first, there is a halt, or this boot may write no more. */
  async raise({ tick, tickIndex, revFloor }: Standing): Promise<boolean> {
    const { layout } = this.by;
    return this.#write([
      { verb: 'check-not-exists', key: layout.halt },
      { verb: 'cas', key: layout.tick, value: this.#tickValue((tick ?? 0) + 1, revFloor), index: tickIndex },
    ]);
  }

  /**
   * Ends the halt by an operator's word: in one write the tick becomes higher than any witness remembers, by which the
   * witnesses know that the registry as it is now is the right one. Records get versions from then on that none had before:
   * what billing has learnt of those that were forgotten is older than all that it learns.
   * @returns the new tick; null: there was no halt, or it changed just now
   */
  async confirm(): Promise<number | null> {
    const { layout } = this.by;
    const standing = await this.read();
    const { halt, haltIndex, tickIndex } = standing;
    if (halt === null) return null;
    const ticks = [standing.tick ?? 0, halt.tick ?? 0, ...Object.values(halt.witnesses)];
    const tick = Math.max(...ticks) + CONFIRMED_MARGIN;
    const isDone = await this.#write([
      { verb: 'check-index', key: layout.halt, index: haltIndex },
      { verb: 'delete-cas', key: layout.halt, index: haltIndex },
      { verb: 'cas', key: layout.tick, value: this.#tickValue(tick, tick * REVS_PER_TICK), index: tickIndex },
    ]);
    await this.ask();
    return isDone ? tick : null;
  }

  #declaring(record: HaltRecord): KvOp {
    return { verb: 'cas', key: this.by.layout.halt, value: JSON.stringify(record), index: 0 };
  }

  /** A new value at each write, because Consul leaves the index of a value that is rewritten unchanged. */
  #tickValue(tick: number, revFloor: number): string {
    return JSON.stringify({ tick, revFloor, nonce: this.by.newNonce() });
  }

  async #write(ops: readonly KvOp[]): Promise<boolean> {
    const { transport, guard } = this.by;
    const own: KvOp = { verb: 'check-index', key: guard.key, index: guard.index };
    const { results } = await transport.transact([own, ...ops]);
    if (results === undefined) await guard.refresh(); // Perhaps the own key has moved; then the next try goes well.
    return results !== undefined;
  }

  #hear(halt: HaltRecord | null): void {
    const before = this.#known;
    this.#known = halt;
    if ((before === null) !== (halt === null)) for (const listener of this.#listeners) listener(halt);
  }

  async #askAndGoOn(): Promise<void> {
    await this.ask();
    if (this.#stopped) return;
    this.#cancel = this.by.timing.after(HALT_INTERVAL_MS, () => void this.#askAndGoOn());
  }
}

/** While there is a halt nobody but who confirms it raises the tick, and he raises it above all that was testified. */
function isConfirmed({ tick, witnesses }: HaltRecord, before: number | null, now: Standing): boolean {
  return (now.tick ?? 0) > Math.max(before ?? 0, tick ?? 0, ...Object.values(witnesses));
}

/** A halt may also be set by hand, with any value at all: that is one too. */
function recordOf({ value }: KvEntry): HaltRecord {
  const byHand: HaltRecord = { since: 0, by: 'an operator', why: 'set by hand', tick: null, witnesses: {} };
  try {
    const parsed = JSON.parse(value) as Partial<HaltRecord> | null;
    return typeof parsed?.since === 'number' ? { ...byHand, ...parsed } : byHand;
  } catch {
    return byHand;
  }
}
