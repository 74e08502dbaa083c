import type { Sample } from './bench.js';
import { median } from './measure/figures.js';
import type { RecoveryResult } from './phases/recovery.js';
import type { ScrubResult } from './phases/scrub.js';
import type { Takeovers } from './recovery/takeover.js';
import type { Results } from './results.js';

export interface Goal {
  readonly name: string;
  readonly unit: '' | '/s' | 'MB' | 's' | '×';
  readonly value: number;
  readonly bound: number;
  readonly better: 'more' | 'less';
  readonly met: boolean;
}

/** Everything with which the apps stand together on a machine. */
const partsWithApps = ['consul', 'redis', 'postgres'];
const apiMb = 170;
const workerMb = 150;
const togetherMb = 900;
const readyS = 3;

/** Judges what was measured; what was not measured has no goal. */
export function goalsOf({
  create,
  get,
  list,
  recovery,
  scrub,
  settings,
  takeover,
  rest,
  startMs,
}: Results): Goal[] {
  const goals: Goal[] = [];
  const expect: Expect = (name, unit, value, better, bound) =>
    goals.push({
      name,
      unit,
      value,
      bound,
      better,
      met: better === 'more' ? value >= bound : value <= bound,
    });
  if (create) {
    expect('created, of bare librbd', '', create.many.ratio, 'more', 0.4);
    expect('one create, over the bare parts', '×', create.oneOverBare, 'less', 2.5);
    expect('images before their intent', '', create.imagesUnasked, 'less', 0);
  }
  if (get) expect('volumes read', '/s', rateOf(get.get), 'more', 5_000);
  if (list) expect('lists of 100', '/s', rateOf(list.list), 'more', 300);
  if (scrub) scrubGoals(scrub, settings, expect);
  if (recovery) recoveryGoals(recovery, expect);
  if (takeover) takeoverGoal(takeover, expect);
  for (const [name, mb] of Object.entries(rest.memoryMb)) {
    if (name === 'api') expect('memory of api', 'MB', mb, 'less', apiMb);
    else if (isApp(name)) expect(`memory of ${name}`, 'MB', mb, 'less', workerMb);
  }
  expect('memory together', 'MB', togetherOf(rest.memoryMb), 'less', togetherMb);
  for (const [name, ms] of Object.entries(startMs))
    expect(`start of ${name}`, 's', ms / 1_000, 'less', readyS);
  return goals;
}

type Expect = (
  name: string,
  unit: Goal['unit'],
  value: number,
  better: Goal['better'],
  bound: number,
) => void;

function recoveryGoals(
  { backlog, fairness, takeovers, registry, vmDeathMs }: RecoveryResult,
  expect: Expect,
): void {
  expect('recorded, workers off', '/s', backlog.recordedPerSecond, 'more', 2_000);
  expect('recorded, p99', 's', backlog.recordedP99Ms / 1_000, 'less', 0.08);
  expect('drained, of bare librbd', '', backlog.ratio, 'more', 0.4);
  expect('drained out of order', '', backlog.outOfOrder, 'less', 0);
  expect('most memory of a process', 'MB', Math.max(...Object.values(backlog.peakMb)), 'less', 250);
  expect('another behind thousands', '×', backlog.behindMs / backlog.aloneMs, 'less', 2);
  expect('another beside thousands', '×', fairness.besideFloodMs / fairness.besideLoadMs, 'less', 2);
  expect('the large one’s part', '', fairness.largeShare, 'more', 0.25);
  takeoverGoal(takeovers, expect);
  expect('deleted after a VM’s death', 's', vmDeathMs / 1_000, 'less', 5);
  expect('written after Consul’s start', 's', registry.writtenMs / 1_000, 'less', 3);
}

/** The goal is set for 10 000 volumes: fewer take their part of the time. */
function scrubGoals({ kept, passes }: ScrubResult, { listed }: Results['settings'], expect: Expect): void {
  const whole = passes.at(-1);
  const seconds = (30 * listed) / 10_000;
  expect(`pass over ${whole?.volumes ?? 0} volumes`, 's', whole?.seconds ?? Infinity, 'less', seconds);
  for (const { peakMb, volumes } of passes)
    expect(`scrubber at ${volumes} volumes`, 'MB', peakMb, 'less', 200);
  expect('creates kept beside passes', '', kept, 'more', 0.95);
}

function takeoverGoal({ p99Ms }: Takeovers, expect: Expect): void {
  expect('taken over, p99', 's', p99Ms / 1_000, 'less', 15);
}

export function isApp(name: string): boolean {
  return /^(api|scrubber|[a-z]+-worker)(-\d+)?$/.test(name);
}

/** Apps with Consul, Redis and PostgreSQL. */
export function togetherOf(memoryMb: Readonly<Record<string, number>>): number {
  const counted = Object.entries(memoryMb).filter(([name]) => isApp(name) || partsWithApps.includes(name));
  return counted.reduce((sum, [, mb]) => sum + mb, 0);
}

function rateOf(samples: readonly Sample[]): number {
  return median(samples.map(({ perSecond }) => perSecond));
}
