/** What a whole pass of the scrubber takes where nothing is wrong, and what a running load notices of passes. */
import { waitFor } from '@plumbline/stack';
import type { Bench, Sample } from '../bench.js';
import { median } from '../measure/figures.js';
import { peakMbOf } from '../measure/processes.js';
import type { Target } from '../target.js';

const scrubber = 'scrubber-1';
/** More than it can do: it takes what it gets. */
const fullPace = { PLUMBLINE_SCRUB_PER_SECOND: '100000', PLUMBLINE_SCRUB_EVERY_MS: '1000' };
/** As configured, one pass after the other. */
const usualPace = { PLUMBLINE_SCRUB_EVERY_MS: '1000' };
/** No second pass comes. */
const noPace = { PLUMBLINE_SCRUB_PER_SECOND: '1', PLUMBLINE_SCRUB_EVERY_MS: '86400000' };
/** Parts of all volumes: memory must not grow with them. */
const parts = [0.02, 0.2, 1];
const passesLooked = 3;
const passMaxMs = 30 * 60_000;
const lookEveryMs = 200;
const rounds = 4;

export interface ScrubResult {
  readonly passes: readonly {
    readonly volumes: number;
    /** Of a whole pass at full pace; the middle one of some. */
    readonly seconds: number;
    /** The most that the process had resident until then. */
    readonly peakMb: number;
  }[];
  /** Creates while nothing is scrubbed, and while it is at the usual pace, in turns. */
  readonly without: readonly Sample[];
  readonly beside: readonly Sample[];
  /** What of the rate is left beside passes. */
  readonly kept: number;
}

export async function measureScrub(bench: Bench): Promise<ScrubResult> {
  const { settings, target } = bench;
  const passes: ScrubResult['passes'][number][] = [];
  for (const part of parts) {
    await bench.volumes(Math.round(settings.listed * part));
    await restart(target, fullPace);
    const seconds = await secondsOfPasses(target);
    const volumes = await metricOf(target, 'plumbline_scrub_volumes');
    passes.push({ volumes, seconds, peakMb: peakMbOf(target.stack.process(scrubber).pid) });
  }
  const without: Sample[] = [];
  const beside: Sample[] = [];
  for (let round = 0; round < rounds; round++) {
    without.push(await creates(bench, noPace));
    beside.push(await creates(bench, usualPace));
  }
  await restart(target, {});
  const rateOf = (samples: readonly Sample[]) => median(samples.map(({ perSecond }) => perSecond));
  return { passes, without, beside, kept: rateOf(beside) / rateOf(without) };
}

async function creates(bench: Bench, pace: Readonly<Record<string, string>>): Promise<Sample> {
  await restart(bench.target, pace);
  return await bench.sample(() => bench.ask(bench.creation(), bench.effort()), { untilIdle: true });
}

async function restart(target: Target, environment: Readonly<Record<string, string>>): Promise<void> {
  target.stack.override(scrubber, environment);
  await target.stack.halt(scrubber);
  await target.restore();
  await waitFor(async () => (await fetch(`${healthOf(target)}/readyz`)).ok, {
    what: 'the scrubber to be ready',
    deadlineMs: passMaxMs,
    everyMs: lookEveryMs,
  });
}

/** The first pass after a start is not counted: it goes on with one that another process began. */
async function secondsOfPasses(target: Target): Promise<number> {
  const seconds: number[] = [];
  for (let pass = 1; pass <= passesLooked + 1; pass++) {
    await waitFor(async () => (await metricOf(target, 'plumbline_scrub_passes_total')) >= pass, {
      what: 'a pass of the scrubber',
      deadlineMs: passMaxMs,
      everyMs: lookEveryMs,
    });
    if (pass > 1) seconds.push(await metricOf(target, 'plumbline_scrub_pass_seconds'));
  }
  return median(seconds);
}

/** The value of a metric without labels of its own; nought: it is not there yet. */
async function metricOf(target: Target, name: string): Promise<number> {
  const text = await (await fetch(`${healthOf(target)}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${name}{`) || one.startsWith(`${name} `));
  return Number(line?.slice(line.lastIndexOf(' ') + 1) ?? 0);
}

function healthOf(target: Target): string {
  return `http://127.0.0.1:${target.stack.stack.state.ports[`health ${scrubber}`] ?? 0}`;
}
