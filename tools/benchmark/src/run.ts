import { availableParallelism, loadavg } from 'node:os';
import type { Progress } from '@plumbline/stack';
import type { Settings } from './args.js';
import { Bench } from './bench.js';
import { measureDelete, measureResize } from './phases/change.js';
import { measureCreate } from './phases/create.js';
import { measureGet, measureList } from './phases/read.js';
import { measureRecovery } from './phases/recovery.js';
import { measureRest, measureStarts } from './phases/rest.js';
import { measureScrub } from './phases/scrub.js';
import { measureTakeovers } from './recovery/takeover.js';
import type { Results } from './results.js';
import type { Target } from './target.js';

const restSeconds = 5;
const quickRestSeconds = 1;

/** All that was asked for, in the order in which each phase disturbs the next one the least. */
export async function measure(settings: Settings, target: Target, progress: Progress): Promise<Results> {
  const machine = { cpus: availableParallelism(), node: process.version, loadBefore: loadavg()[0] ?? 0 };
  const seconds = settings.quick ? quickRestSeconds : restSeconds;
  const startMs = await progress.phase('starts', () => measureStarts(target), done);
  await target.idle();
  const rest = await progress.phase('rest', () => measureRest(target, seconds), done);
  const bench = await Bench.begin(settings, target, progress);
  try {
    if (settings.warm > 0)
      await progress.phase(
        'warm',
        () => bench.volumes(settings.warm),
        () => `${settings.warm} volumes created`,
      );
    const measured = await operationsOf(bench);
    await target.idle();
    const restAfter = await progress.phase('rest again', () => measureRest(target, seconds), done);
    if (settings.stack !== undefined) await bench.clearUp();
    return { machine, settings, startMs, rest, ...measured, restAfter };
  } finally {
    await bench.end();
  }
}

type Operations = Pick<
  Results,
  'create' | 'get' | 'resize' | 'delete' | 'list' | 'scrub' | 'recovery' | 'takeover'
>;

async function operationsOf(bench: Bench): Promise<Operations> {
  const { settings, progress } = bench;
  const measured: { -readonly [Name in keyof Operations]: Operations[Name] } = {};
  const wants = (name: keyof Operations) => settings.operations.includes(name);
  const phase = <T>(name: string, work: (bench: Bench) => Promise<T>) =>
    progress.phase(name, () => work(bench), done);
  if (wants('create')) measured.create = await phase('create', measureCreate);
  if (wants('get')) measured.get = await phase('get', measureGet);
  if (wants('resize')) measured.resize = await phase('resize', measureResize);
  if (wants('delete')) measured.delete = await phase('delete', measureDelete);
  if (wants('list')) measured.list = await phase('list', measureList);
  if (wants('scrub')) measured.scrub = await phase('scrub', measureScrub);
  // Last: it kills what the others measure.
  if (wants('recovery')) measured.recovery = await measureRecovery(bench);
  else if (wants('takeover'))
    measured.takeover = await phase('takeover', async () =>
      measureTakeovers(bench, await bench.target.newCustomer()),
    );
  return measured;
}

function done(): string {
  return 'measured';
}
