import { CONSEQUENCES, FAULT_KINDS } from './faults.js';
import type { Sight } from './faults.js';
import type { LogLine } from './pool.js';
import { runSeed } from './run.js';
import type { SeedResult } from './run.js';

/** A fault that so many seeds have not reached is out of reach: the run proves nothing about it. */
export const SEEDS_FOR_ALL_SIGHTS = 100;
/** Every so many seeds one is run twice. */
const TWICE_EVERY = 50;

export interface RunSettings {
  readonly seeds: number;
  readonly from: number;
  /** No seed begins later than this. */
  readonly msMax: number;
}

export interface RunTotals {
  readonly seeds: number;
  readonly from: number;
  readonly seconds: number;
  readonly events: number;
  readonly acknowledged: number;
  readonly parked: number;
  readonly kinds: Readonly<Record<string, number>>;
  readonly reached: Readonly<Record<string, number>>;
  readonly twice: number;
  readonly failure: {
    readonly seed: number;
    readonly what: string;
    readonly timeline: readonly string[];
  } | null;
  readonly unreached: readonly Sight[];
}

/** Runs seeds until one fails, all are done or the time is up. */
export async function runSeeds({ seeds, from, msMax }: RunSettings, nowMs: () => number): Promise<RunTotals> {
  const startedMs = nowMs();
  const reached = new Map<string, number>([...FAULT_KINDS, ...CONSEQUENCES].map((sight) => [sight, 0]));
  const kinds = new Map<string, number>();
  let [done, events, acknowledged, parked, twice] = [0, 0, 0, 0, 0];
  let failure: RunTotals['failure'] = null;
  for (let seed = from; failure === null && seed < from + seeds && nowMs() - startedMs < msMax; seed += 1) {
    const result = await runSeed(seed);
    done += 1;
    events += result.events;
    acknowledged += result.acknowledged;
    parked += result.parked;
    add(reached, result.reached);
    add(kinds, result.kinds);
    failure = failureOf(result);
    if (failure !== null || (seed - from) % TWICE_EVERY !== 0) continue;
    twice += 1;
    const differs = firstDifference(result.log, (await runSeed(seed)).log);
    if (differs !== null) failure = { seed, what: `two runs of one seed differ: ${differs}`, timeline: [] };
  }
  const unreached = [...FAULT_KINDS, ...CONSEQUENCES].filter((sight) => reached.get(sight) === 0);
  return {
    seeds: done,
    from,
    seconds: (nowMs() - startedMs) / 1000,
    events,
    acknowledged,
    parked,
    kinds: Object.fromEntries(kinds),
    reached: Object.fromEntries(reached),
    twice,
    failure,
    unreached: done >= SEEDS_FOR_ALL_SIGHTS ? unreached : [],
  };
}

export function isGood({ failure, unreached }: RunTotals): boolean {
  return failure === null && unreached.length === 0;
}

export function reportOf(totals: RunTotals): readonly string[] {
  const { seeds, from, seconds, events, acknowledged, parked, kinds, reached, twice, failure, unreached } =
    totals;
  const table = (counts: Readonly<Record<string, number>>): string[] =>
    Object.entries(counts).map(([name, count]) => `  ${name.padEnd(24)} ${String(count).padStart(8)}`);
  return [
    `${seeds} seeds from ${from} in ${seconds.toFixed(1)} s: ${events} events, ${acknowledged} intents acknowledged, ${parked} parked; ${twice} seeds run twice`,
    'asked for',
    ...table(kinds),
    'faults and what came of them',
    ...table(reached),
    ...(failure === null
      ? []
      : [
          '',
          ...failure.timeline,
          '',
          `FAILED seed ${failure.seed}: ${failure.what}`,
          `to repeat it: tools/simulate --seeds 1 --from ${failure.seed}`,
        ]),
    ...(unreached.length === 0 ? [] : [`FAILED: never reached: ${unreached.join(', ')}`]),
  ];
}

function add(sums: Map<string, number>, counts: ReadonlyMap<string, number>): void {
  for (const [name, count] of counts) sums.set(name, (sums.get(name) ?? 0) + count);
}

function failureOf({ seed, violation, log }: SeedResult): RunTotals['failure'] {
  if (violation === null) return null;
  const { invariant, detail, about } = violation;
  return {
    seed,
    what: `${invariant}: ${detail}${about === '' ? '' : ` (${about})`}`,
    timeline: timelineOf(log, about),
  };
}

const TIMELINE_MAX = 400;

/** What happened to one resource, and to the processes. */
function timelineOf(log: readonly LogLine[], about: string): readonly string[] {
  const id = about.slice(-36);
  const isAbout = (line: LogLine): boolean =>
    line.about.includes(id) || line.who === 'nemesis' || /^(begins|ends)/.test(line.what);
  return log
    .filter((line) => about === '' || isAbout(line))
    .slice(-TIMELINE_MAX)
    .map(textOf);
}

function textOf({ atMs, who, what, about }: LogLine): string {
  return `${atMs.toFixed(2).padStart(10)}  ${who.padEnd(16)} ${what}${about === '' ? '' : `  [${about}]`}`;
}

export function firstDifference(one: readonly LogLine[], other: readonly LogLine[]): string | null {
  const at = one.findIndex((line, index) => {
    const twin = other[index];
    return twin === undefined || textOf(line) !== textOf(twin);
  });
  if (at >= 0) return `at event ${at}: ${textOf(one[at]!)}`;
  return one.length === other.length ? null : `at event ${one.length}: one has ended`;
}
