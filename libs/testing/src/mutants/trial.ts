/** Runs seeds until one of the named invariants is seen broken. Started by `trials.ts`, under an overlay. */
import { parseArgs } from 'node:util';
import { runSeed } from '../simulation/run.js';
import type { Sighting, Trial } from './trials.js';

const { values } = parseArgs({
  options: { seeds: { type: 'string' }, from: { type: 'string' }, until: { type: 'string' } },
});
const until = (values.until ?? '').split(',');
const from = Number(values.from);
const last = from + Number(values.seeds) - 1;

let first: Sighting | null = null;
let caught: Sighting | null = null;
let seed = from;
for (; seed <= last && caught === null; seed += 1) {
  const { violation } = await runSeed(seed);
  if (violation === null) continue;
  const sighting = { at: `seed ${seed}`, seed, invariant: violation.invariant, detail: violation.detail };
  first ??= sighting;
  if (until.includes(violation.invariant)) caught = sighting;
}
const trial: Trial = { looked: `${seed - from} seeds`, caught, other: first === caught ? null : first };
process.stdout.write(JSON.stringify(trial));
