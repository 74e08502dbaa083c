import fc from 'fast-check';
import { nameOf } from './faults.js';
import type { LogLine } from './pool.js';
import { runSeed } from './run.js';
import { LONG_SEED, faultOf, scriptOf, scripts } from './script.js';
import type { Script } from './script.js';
import type { Mistake } from './world.js';

const TIMELINE_MAX = 400;

/** A failing seed with as little in it as was found to break the same invariant, and how it came to that. */
export interface Shrunk {
  readonly script: readonly string[];
  readonly timeline: readonly string[];
  readonly runs: number;
}

/** Leaves out of a seed's script whatever the failure does not need, for as long as that. */
export async function shrink(
  seed: number,
  violation: Mistake,
  { mostMs, run = runSeed }: { mostMs: number; run?: typeof runSeed },
): Promise<Shrunk> {
  const whole = scriptOf(seed, LONG_SEED);
  let runs = 0;
  let least: Script = whole;
  let found = violation;
  const holds = fc.asyncProperty(scripts(LONG_SEED, false), async (script) => {
    runs += 1;
    const { violation: now } = await run(seed, LONG_SEED, script);
    if (now?.invariant !== violation.invariant) return true;
    least = script;
    found = now;
    return false;
  });
  await fc.check(holds, { examples: [[whole]], numRuns: 1, interruptAfterTimeLimit: mostMs });
  const { log } = await run(seed, LONG_SEED, least);
  return { script: wordsOf(least), timeline: timelineOf(log, found.about), runs };
}

function wordsOf({ asked, planned }: Script): readonly string[] {
  const requests = asked.map(({ atMs, wish, ...more }) => ({
    atMs,
    what: `asks: ${wish} ${JSON.stringify(more)}`,
  }));
  const faults = planned.map((one) => ({ atMs: one.atMs, what: `fault: ${nameOf(faultOf(one))}` }));
  return [...requests, ...faults]
    .sort((one, other) => one.atMs - other.atMs)
    .map(({ atMs, what }) => `${String(atMs).padStart(8)}  ${what}`);
}

/** What happened to one resource, and to the processes. */
function timelineOf(log: readonly LogLine[], about: string): readonly string[] {
  const id = about.slice(-36);
  const isAbout = ({ about: of, who, what }: LogLine): boolean =>
    of.includes(id) || who === 'nemesis' || /^(begins|ends|is paused|wakes)/.test(what);
  return log
    .filter((line) => about === '' || isAbout(line))
    .slice(-TIMELINE_MAX)
    .map(
      ({ atMs, who, what, about: of }) =>
        `${atMs.toFixed(2).padStart(10)}  ${who.padEnd(16)} ${what}${of === '' ? '' : `  [${of}]`}`,
    );
}
