import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HistoryLine } from '@plumbline/soak-checker';
import type { Chance } from '../chance.js';
import { now } from '../clock.js';
import type { Phase, Reached } from '../reached.js';
import type { FaultKind, Target } from './kinds.js';
import type { World } from './world.js';

/** A little less than three seconds, because a fault also takes time to begin. */
const GAP_MS = 2_800;
/** The system is at rest for moments only, and each kind has to meet it so. */
const AT_REST_GAP_MS = 800;
/** A kind whose victims are busy is waited for, so that those who need the whole system get their turn. */
const TURN_WAIT_MS = 16_000;
const WAITED_FOR = 0.08;
const LOOK_EVERY_MS = 50;
/** A start has to bear interruption too, but where most are interrupted nothing is ever at work. */
const MEETS_YOUNG = 0.15;
/** No more than there are things to befall: each is befallen by one fault at a time. */
const AT_ONCE_MAX = 32;
const END_TRIES_MAX = 15;
const END_AGAIN_MS = 1_000;

interface Active {
  readonly id: number;
  readonly kind: string;
  readonly target: Target;
  readonly under: Set<Phase>;
  readonly over: Promise<void>;
}

/** Befalls the system: one fault begins every three seconds on average, several last at the same time. */
export class Nemesis {
  private readonly active = new Set<Active>();
  private readonly taken = new Set<string>();
  private readonly failures: string[] = [];
  private count = 0;
  private hurry = new AbortController();

  constructor(
    private readonly world: World,
    private readonly kinds: readonly FaultKind[],
    private readonly by: {
      readonly chance: Chance;
      readonly reached: Reached;
      readonly underWay: () => ReadonlySet<Phase>;
      readonly write: (line: HistoryLine) => void;
    },
  ) {}

  get begun(): number {
    return this.count;
  }

  /** Faults that could not be made. */
  get failed(): readonly string[] {
    return this.failures;
  }

  /** Told what is under way, again and again: it counts for every fault that lasts. */
  readonly see = (phases: ReadonlySet<Phase>): void => {
    for (const { under } of this.active) for (const phase of phases) if (phase !== 'idle') under.add(phase);
  };

  /** Makes trouble until the signal, then takes all of it back. */
  async trouble(until: AbortSignal): Promise<void> {
    this.hurry = new AbortController();
    setMaxListeners(AT_ONCE_MAX, this.hurry.signal);
    while (!until.aborted && this.kinds.length > 0) {
      const isAtRest = this.by.underWay().has('idle');
      await sleep(this.by.chance.gapMs(isAtRest ? AT_REST_GAP_MS : GAP_MS), undefined, {
        signal: until,
      }).catch(() => undefined);
      if (until.aborted) break;
      const next = await this.chosen(until);
      if (next !== undefined) this.begin(next.kind, next.target);
    }
    this.hurry.abort();
    await Promise.all([...this.active].map(({ over }) => over));
    await this.world.healAll();
  }

  /**
   * Those that have met least of what is under way now come first; chance decides between equals. Mostly the first whose
   * victims are free is taken, but now and then the very first is waited for, or those that take many never had their turn.
   */
  private async chosen(until: AbortSignal): Promise<{ kind: FaultKind; target: Target } | undefined> {
    const { chance, reached, underWay } = this.by;
    const now = underWay();
    const need = ({ name }: FaultKind) => {
      const missing = reached.missing(name);
      const soon = missing.filter((phase) => now.has(phase)).length;
      return 2 * soon + missing.length + 3 * chance.next();
    };
    const byNeed = this.kinds.map((kind) => ({ kind, need: need(kind) })).sort((a, b) => b.need - a.need);
    const order = byNeed.map(({ kind }) => kind);
    const considered = chance.is(WAITED_FOR) ? order.slice(0, 1) : order;
    const meetsYoung = chance.is(MEETS_YOUNG);
    const end = performance.now() + TURN_WAIT_MS;
    while (!until.aborted && performance.now() < end) {
      for (const kind of considered) {
        const target = this.freeTarget(kind, meetsYoung);
        if (target !== undefined) return { kind, target };
      }
      await sleep(LOOK_EVERY_MS);
    }
    return undefined;
  }

  private freeTarget(kind: FaultKind, meetsYoung: boolean): Target | undefined {
    const { stack, supervisor } = this.world;
    const isUp = (name: string) =>
      !this.taken.has(name) && stack.isAlive(name) && !supervisor.isStarting(name);
    const isFree = ({ takes }: Target) =>
      takes.every(isUp) &&
      (meetsYoung || takes.length > 1 || !takes.some((name) => supervisor.isYoung(name)));
    return this.by.chance.pick(kind.targets(this.world).filter(isFree));
  }

  private begin(kind: FaultKind, target: Target): void {
    const id = (this.count += 1);
    for (const name of target.takes) this.taken.add(name);
    const under = new Set(this.by.underWay());
    const note = { line: 'fault' as const, id, kind: kind.name, target: target.name };
    this.by.write({ ...note, what: 'begin', at: now(), note: [...under].join(' ') });
    const over = this.carryOut(kind, target).then(
      () => this.by.write({ ...note, what: 'end', at: now(), note: [...under].join(' ') }),
      (error: unknown) => {
        this.failures.push(`${kind.name} of ${target.name}: ${String(error)}`);
        this.by.write({ ...note, what: 'failed', at: now(), note: String(error) });
        under.clear();
      },
    );
    const active: Active = { id, kind: kind.name, target, under, over };
    this.active.add(active);
    void over.finally(() => {
      this.by.reached.note(kind.name, under);
      this.active.delete(active);
      for (const name of target.takes) this.taken.delete(name);
    });
  }

  private async carryOut(kind: FaultKind, target: Target): Promise<void> {
    const { chance } = this.by;
    const lastsMs = chance.between(...kind.lastsMs);
    const end = await kind.begin(this.world, target.name, chance);
    await sleep(lastsMs, undefined, { signal: this.hurry.signal }).catch(() => undefined);
    for (let tries = 1; ; tries += 1) {
      try {
        return await end();
      } catch (error) {
        // Another fault may stand in the way; what was done has to be undone all the same.
        if (tries === END_TRIES_MAX) throw error;
        await sleep(END_AGAIN_MS);
      }
    }
  }
}
