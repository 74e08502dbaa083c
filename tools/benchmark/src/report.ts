import type { Compared, Sample } from './bench.js';
import { isApp, togetherOf, type Goal } from './goals.js';
import { median } from './measure/figures.js';
import type { DeleteResult } from './phases/change.js';
import type { CreateResult } from './phases/create.js';
import type { RecoveryResult } from './phases/recovery.js';
import type { ScrubResult } from './phases/scrub.js';
import type { Takeovers } from './recovery/takeover.js';
import type { Results } from './results.js';

/** Floors further apart than this say that the machine was busy with something else. */
const floorsApartMax = 0.25;
const failuresShownMax = 5;

const titleWidth = 30;

/** What was measured, for a person at a terminal. */
export function reportOf(results: Results, goals: readonly Goal[]): string[] {
  const { create, get, resize, delete: deletion, list, recovery, scrub, takeover, settings } = results;
  const clients = `${settings.clients} clients`;
  return [
    '',
    ...restLines(results),
    ...(create ? createLines(create, clients) : []),
    ...(get
      ? [...sampleLines(`get, ${clients}`, get.get), ...sampleLines('  bare Consul read', get.consul)]
      : []),
    ...(resize ? comparedLines(`resize, ${clients}`, resize, 'open, resize, close') : []),
    ...(deletion ? deleteLines(deletion, clients) : []),
    ...(list
      ? [
          ...sampleLines('recorded, 64 clients', [list.recorded]),
          ...sampleLines(`list 100 of ${list.volumes}`, list.list),
        ]
      : []),
    ...(scrub ? scrubLines(scrub) : []),
    ...(recovery ? recoveryLines(recovery) : []),
    ...(takeover ? [takeoverLine(takeover)] : []),
    '',
    ...goals.map(goalLine),
  ];
}

/** The last line: what happened, and which goals were met. */
export function verdictOf({ settings }: Results, goals: readonly Goal[]): string {
  const missed = goals.filter(({ met }) => !met).map(({ name }) => name);
  const met = `${goals.length - missed.length} of ${goals.length} goals met`;
  const what = `Measured ${settings.operations.join(', ')}${settings.quick ? ' (quick: only to see that it works)' : ''}`;
  return `${what}: ${met}${missed.length === 0 ? '' : `; missed: ${missed.join(', ')}`}.`;
}

function createLines({ many, one, consulOne, consulMany }: CreateResult, clients: string): string[] {
  return [
    ...comparedLines(`create, ${clients}`, many, 'rbd_create3, 16 threads'),
    ...comparedLines('create, 1 client', one, 'rbd_create3, 1 thread'),
    ...sampleLines('  bare Consul writes, 1', consulOne),
    ...sampleLines(`  bare Consul writes, ${clients.split(' ')[0]}`, consulMany),
  ];
}

function deleteLines({ gone, trashed }: DeleteResult, clients: string): string[] {
  const behind = trashed.product.map(({ perSecond }) => `${whole(perSecond)}/s`).join(' … ');
  return [
    ...comparedLines(`delete, ${clients}`, { ...trashed, product: gone }, 'rbd_trash_move'),
    `${''.padEnd(titleWidth)} the trash behind it ${behind}`,
  ];
}

function recoveryLines({ backlog, fairness, takeovers, registry }: RecoveryResult): string[] {
  const peaks = Object.entries(backlog.peakMb).map(([name, mb]) => `${name} ${whole(mb)}`);
  return [
    ...sampleLines('creates recorded, workers off', [backlog.creations]),
    ...sampleLines('resizes recorded behind them', [backlog.growths]),
    line(
      'drained',
      `${whole(backlog.drainedPerSecond)}/s, ${percent(backlog.ratio)} of bare librbd, most MB: ${peaks.join(', ')}`,
    ),
    line(
      'another account’s one behind',
      `${whole(backlog.behindMs)} ms from the workers’ start, alone ${whole(backlog.aloneMs)} ms`,
    ),
    line(
      `and beside ${fairness.waiting} of one`,
      `${whole(fairness.besideFloodMs)} ms (the first ${whole(fairness.firstBesideFloodMs)}), beside 32 clients ${whole(fairness.besideLoadMs)} ms, alone ${whole(fairness.idleMs)} ms`,
    ),
    takeoverLine(takeovers),
    line(
      'Consul started',
      `first write ${tenths(registry.writtenMs / 1_000)} s later, by Consul itself ${tenths(registry.bareMs / 1_000)} s`,
    ),
  ];
}

function scrubLines({ beside, kept, passes, without }: ScrubResult): string[] {
  return [
    ...passes.map(({ peakMb, seconds, volumes }) =>
      line(
        `pass over ${volumes} volumes`,
        `${tenths(seconds)} s at full pace, most memory ${whole(peakMb)} MB`,
      ),
    ),
    ...sampleLines('create, nothing scrubbed', without),
    ...sampleLines('create beside passes', beside),
    line('', `${percent(kept)} of the rate without`),
  ];
}

function takeoverLine({ kills, lanes, left, p50Ms, p99Ms, mostMs }: Takeovers): string {
  const times = [p50Ms, p99Ms, mostMs].map((ms) => tenths(ms / 1_000)).join(' / ');
  return line(
    `${kills} workers killed`,
    `${lanes} lanes taken over, p50 / p99 / most  ${times} s, ${left} left`,
  );
}

function line(title: string, text: string): string {
  return `${title.padEnd(titleWidth)} ${text}`;
}

function comparedLines(title: string, compared: Compared, bare: string): string[] {
  const { floors, floorsApart, ratio, ratioByCpu, product } = compared;
  const rates = floors.map(({ perSecond }) => whole(perSecond)).join(' … ');
  const apart = floorsApart > floorsApartMax ? `  FLOORS ${percent(floorsApart)} APART` : '';
  return [
    ...sampleLines(title, product),
    `${''.padEnd(titleWidth)} ${percent(ratio)} (by CPU ${percent(ratioByCpu)}) of bare ${bare}: ${rates}/s${apart}`,
    ...sampleLines('  bare', floors),
  ];
}

function sampleLines(title: string, samples: readonly Sample[]): string[] {
  const middle = (pick: (sample: Sample) => number) => median(samples.map(pick));
  const durations = [
    middle(({ p50Ms }) => p50Ms),
    middle(({ p95Ms }) => p95Ms),
    middle(({ p99Ms }) => p99Ms),
  ];
  const failed = samples.flatMap((sample) => Object.entries(sample.failed));
  return [
    `${title.padEnd(titleWidth)} ${`${whole(middle(({ perSecond }) => perSecond))}/s`.padStart(8)}   p50 / p95 / p99  ${durations.map(tenths).join(' / ')} ms`,
    `${''.padEnd(titleWidth)} CPU ms each: ${cpuText(samples)}`,
    ...failed
      .slice(0, failuresShownMax)
      .map(([what, count]) => `${''.padEnd(titleWidth)} FAILED ${count} times: ${what}`),
  ];
}

/** The processes that used anything, the most first, and what Plumbline with its parts used together. */
function cpuText(samples: readonly Sample[]): string {
  const names = Object.keys(samples[0]?.cpuMsPerOperation ?? {});
  const used = names.map((name) => ({
    name,
    ms: median(samples.map(({ cpuMsPerOperation }) => cpuMsPerOperation[name] ?? 0)),
  }));
  const worth = used.filter(({ ms }) => ms >= 0.01).sort((one, other) => other.ms - one.ms);
  const own = togetherOf(Object.fromEntries(used.map(({ name, ms }) => [name, ms])));
  return `${worth.map(({ name, ms }) => `${name} ${hundredths(ms)}`).join(', ')}; control plane ${hundredths(own)}`;
}

function restLines({ rest, restAfter, startMs }: Results): string[] {
  const row = (cells: readonly string[]) =>
    `${cells[0]?.padEnd(titleWidth)} ${cells
      .slice(1)
      .map((cell) => cell.padStart(12))
      .join('')}`;
  const names = Object.keys(rest.memoryMb).sort((one, other) => Number(isApp(other)) - Number(isApp(one)));
  const rows = names.map((name) => [
    name,
    whole(rest.memoryMb[name] ?? 0),
    whole(restAfter.memoryMb[name] ?? 0),
    tenths(rest.cpuMsPerSecond[name] ?? 0),
    startMs[name] === undefined ? '' : whole(startMs[name]),
  ]);
  const together = [
    'apps, Consul, Redis, PostgreSQL',
    ...[rest, restAfter].map(({ memoryMb }) => whole(togetherOf(memoryMb))),
  ];
  return [
    row(['', 'MB at rest', 'MB after', 'CPU ms/s', 'ready in ms']),
    ...rows.map(row),
    row(together),
    '',
  ];
}

function goalLine({ name, unit, value, bound, better, met }: Goal): string {
  const text = (number: number) => (unit === '/s' || unit === 'MB' ? whole(number) : hundredths(number));
  const sign = better === 'more' ? '≥' : '≤';
  return `${met ? 'met   ' : 'MISSED'} ${name.padEnd(titleWidth)} ${text(value)}${unit}  (${sign} ${text(bound)}${unit})`;
}

function whole(value: number): string {
  return value.toFixed(0);
}
function tenths(value: number): string {
  return value.toFixed(1);
}
function hundredths(value: number): string {
  return value.toFixed(2);
}
function percent(part: number): string {
  return `${(part * 100).toFixed(0)} %`;
}
