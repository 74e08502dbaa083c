import type { PlantedCounts } from './causes.js';
import { CONSEQUENCES, FAULTS, SIGHTS, nameOf } from './faults.js';
import type { LookCounts } from './looks.js';
import type { LogLine } from './pool.js';
import { runSeed } from './run.js';
import { shrink } from './shrink.js';
import type { Shrunk } from './shrink.js';
import type { Mistake } from './world.js';

/** What nobody has met in so many seeds is out of reach, and the run proves nothing about it: each kind of fault, and what comes of it. */
export const SEEDS_FOR_KINDS = 100;
/** And each fault at each of its points. */
export const SEEDS_FOR_POINTS = 1_000;
/** What a run of as many seeds has to have looked at when it is hard: a part of all, and how large a part at least. */
const SHARES: readonly {
  readonly what: string;
  readonly part: keyof SeedSummary['counts'];
  readonly of: keyof SeedSummary['counts'];
  readonly least: number;
}[] = [
  { what: 'looks within 10 s of a lane', part: 'looksNearLane', of: 'looks', least: 0.5 },
  { what: 'looks during a fault', part: 'looksDuringFault', of: 'looks', least: 0.1 },
  { what: 'what was spoilt by hand, found', part: 'found', of: 'planted', least: 0.25 },
];
/** Every so many seeds one is run twice. */
const TWICE_EVERY = 50;

/** What one seed adds to the totals: plain data, for another thread. */
export interface SeedSummary {
  readonly seed: number;
  readonly violation: Mistake | null;
  readonly counts: Readonly<
    Record<'events' | 'acknowledged' | 'parked' | 'faults' | 'twice', number> & LookCounts & PlantedCounts
  >;
  readonly reached: Readonly<Record<string, number>>;
  readonly asked: Readonly<Record<string, number>>;
}

export interface Failure extends Shrunk {
  readonly seed: number;
  readonly violation: Mistake;
}

export interface RunTotals {
  readonly seeds: number;
  readonly from: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly asked: Readonly<Record<string, number>>;
  readonly reached: Readonly<Record<string, number>>;
  readonly unreached: readonly string[];
  /** Shares of looks that are smaller than they have to be. */
  readonly short: readonly string[];
  readonly failure: Failure | null;
}

/** One seed, and from time to time the same once more, which must go the same way. */
export async function summaryOf(seed: number, from: number): Promise<SeedSummary> {
  const result = await runSeed(seed);
  const isTwice = result.violation === null && (seed - from) % TWICE_EVERY === 0;
  const differs = isTwice ? firstDifference(result.log, (await runSeed(seed)).log) : null;
  const { events, looks, planted, acknowledged, parked, faults, reached, asked } = result;
  return {
    seed,
    violation:
      differs === null
        ? result.violation
        : { invariant: 'the same seed', detail: `two runs differ ${differs}`, about: '' },
    counts: { events, acknowledged, parked, faults, twice: isTwice ? 1 : 0, ...looks, ...planted },
    reached: Object.fromEntries(reached),
    asked: Object.fromEntries(asked),
  };
}

/** Adds up what seeds have come to, in any order. */
export class Totals {
  private readonly counts: Record<string, number> = {};
  private readonly asked: Record<string, number> = {};
  private readonly reached: Record<string, number> = Object.fromEntries(SIGHTS.map((sight) => [sight, 0]));
  private seeds = 0;
  /** The first seed that failed. */
  failed: { readonly seed: number; readonly violation: Mistake } | null = null;

  add({ seed, violation, counts, reached, asked }: SeedSummary): void {
    this.seeds += 1;
    add(this.counts, counts);
    add(this.reached, reached);
    add(this.asked, asked);
    if (violation !== null && (this.failed === null || seed < this.failed.seed))
      this.failed = { seed, violation };
  }

  async end(by: { from: number; seconds: number; cpuSeconds: number; shrinkMs: number }): Promise<RunTotals> {
    const { seeds, counts, asked, reached, failed } = this;
    const shrunk =
      failed === null ? null : await shrink(failed.seed, failed.violation, { mostMs: by.shrinkMs });
    return {
      seeds,
      from: by.from,
      seconds: by.seconds,
      cpuSeconds: by.cpuSeconds,
      counts,
      asked,
      reached,
      unreached: unreachedOf(reached, seeds),
      short: shortOf(counts, seeds),
      failure: failed === null || shrunk === null ? null : { ...failed, ...shrunk },
    };
  }
}

export function unreachedOf(reached: Readonly<Record<string, number>>, seeds: number): readonly string[] {
  const missing = SIGHTS.filter((sight) => (reached[sight] ?? 0) === 0);
  if (seeds >= SEEDS_FOR_POINTS) return missing;
  if (seeds < SEEDS_FOR_KINDS) return [];
  const kinds = new Map<string, number>();
  for (const fault of FAULTS)
    kinds.set(fault.kind, (kinds.get(fault.kind) ?? 0) + (reached[nameOf(fault)] ?? 0));
  const consequences = new Set<string>(CONSEQUENCES);
  return [
    ...[...kinds].filter(([, count]) => count === 0).map(([kind]) => kind),
    ...missing.filter((sight) => consequences.has(sight)),
  ];
}

/** Of few seeds nothing is asked. */
export function shortOf(counts: Readonly<Record<string, number>>, seeds: number): readonly string[] {
  if (seeds < SEEDS_FOR_KINDS) return [];
  return SHARES.flatMap(({ least, of, part, what }) => {
    const [some = 0, all = 0] = [counts[part], counts[of]];
    if (all > 0 && some >= all * least) return [];
    return [`${what}: ${some} of ${all}, not ${least * 100} %`];
  });
}

export function isGood({
  failure,
  short,
  unreached,
}: Pick<RunTotals, 'failure' | 'short' | 'unreached'>): boolean {
  return failure === null && unreached.length === 0 && short.length === 0;
}

export function firstDifference(one: readonly LogLine[], other: readonly LogLine[]): string | null {
  const same = (line: LogLine, twin: LogLine): boolean =>
    line.atMs === twin.atMs && line.who === twin.who && line.what === twin.what && line.about === twin.about;
  const at = one.findIndex((line, index) => other[index] === undefined || !same(line, other[index]));
  if (at >= 0) return `at event ${at}: ${one[at]!.who} ${one[at]!.what}`;
  return one.length === other.length ? null : `at event ${one.length}: one has ended`;
}

function add(sums: Record<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count;
}
