import { FAULTS, CONSEQUENCES, nameOf } from './faults.js';
import type { Failure, RunTotals } from './totals.js';

/** What a run has come to, in lines for a person. */
export function reportOf(totals: RunTotals): readonly string[] {
  const { seeds, from, seconds, cpuSeconds, counts, asked, reached, failure, short, unreached } = totals;
  const least = counts['acknowledged'] === undefined ? 0 : counts['acknowledged'] / Math.max(1, seeds);
  return [
    'asked for',
    ...tableOf(asked),
    'faults, each at all of its points, and at how few of them',
    ...tableOf(byKind(reached)),
    'what came of them',
    ...tableOf(Object.fromEntries(CONSEQUENCES.map((sight) => [sight, reached[sight] ?? 0]))),
    ...(failure === null ? [] : failed(failure)),
    ...(unreached.length === 0 ? [] : ['', `FAILED: never met: ${unreached.join(', ')}`]),
    ...short.map((share) => `FAILED: too few ${share}`),
    looksOf(counts),
    `${seeds} seeds from ${from} in ${seconds.toFixed(1)} s (${cpuSeconds.toFixed(1)} s of CPU): ${counts['events'] ?? 0} events, ` +
      `${counts['acknowledged'] ?? 0} intents acknowledged (${least.toFixed(1)} a seed), ${counts['parked'] ?? 0} parked, ` +
      `${counts['faults'] ?? 0} faults; ${counts['twice'] ?? 0} seeds run twice`,
    verdict(totals),
  ];
}

/** No look was false, or the run has failed by A2 or A3. */
function looksOf(counts: RunTotals['counts']): string {
  const of = (name: string): number => counts[name] ?? 0;
  const share = (part: number, all: number): string =>
    `${part} (${Math.round((100 * part) / Math.max(1, all))} %)`;
  const looks = of('looks');
  return (
    `${looks} looks of the scrubber: ${share(of('looksNearLane'), looks)} within 10 s of a lane, ` +
    `${share(of('looksDuringFault'), looks)} during a fault; of ${of('planted')} things spoilt by hand ` +
    `${of('found')} found, ${of('overtaken')} overtaken by somebody’s work, ${of('unjudged')} in seeds that ended before`
  );
}

function verdict({ failure, short, unreached }: RunTotals): string {
  if (failure !== null)
    return `FAILED seed ${failure.seed}: ${failure.violation.invariant}: ${failure.violation.detail}; again: tools/simulate --seeds 1 --from ${failure.seed}`;
  if (unreached.length > 0)
    return `FAILED: ${unreached.length} things were never met; more seeds, or see docs/simulation.md`;
  if (short.length > 0) return `FAILED: ${short.join('; ')}; see docs/simulation.md`;
  return 'every invariant held after every event';
}

function failed({ seed, violation, script, timeline, runs }: Failure): readonly string[] {
  const { invariant, detail, about } = violation;
  return [
    '',
    'how it came to it',
    ...timeline,
    '',
    `what is left of seed ${seed} after ${runs} runs of smaller ones`,
    ...script,
    '',
    `FAILED seed ${seed}: ${invariant}: ${detail}${about === '' ? '' : ` (${about})`}`,
    `to repeat it: tools/simulate --seeds 1 --from ${seed}`,
    '',
  ];
}

/** How often each kind befell anybody; of one that befalls at several points, how often where it was seldomest. */
function byKind(reached: Readonly<Record<string, number>>): Readonly<Record<string, string>> {
  const kinds = new Map<string, number[]>();
  for (const fault of FAULTS)
    kinds.set(fault.kind, [...(kinds.get(fault.kind) ?? []), reached[nameOf(fault)] ?? 0]);
  const text = (counts: readonly number[]): string => {
    const sum = counts.reduce((one, other) => one + other, 0);
    return counts.length === 1
      ? String(sum)
      : `${sum} at ${counts.length} points, at least ${Math.min(...counts)}`;
  };
  return Object.fromEntries([...kinds].map(([kind, counts]) => [kind, text(counts)]));
}

function tableOf(counts: Readonly<Record<string, number | string>>): readonly string[] {
  return Object.entries(counts).map(([name, count]) => `  ${name.padEnd(26)} ${String(count)}`);
}
