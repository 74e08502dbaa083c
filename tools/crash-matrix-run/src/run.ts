import { chmodSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Region } from '@plumbline/domain';
import { intentCatalog } from '@plumbline/intents';
import { seconds, startStack } from '@plumbline/stack';
import type { Progress, RunningStack } from '@plumbline/stack';
import type { Settings } from './args.js';
import { runBatch } from './control/batch.js';
import type { BatchResult } from './control/batch.js';
import type { Hands } from './control/strike.js';
import { Crew } from './control/crew.js';
import { Desk } from './control/desk.js';
import { Intents } from './control/intents.js';
import type { Outcome } from './control/subject.js';
import { World } from './control/world.js';
import { batchesOf, partOf } from './matrix/cells.js';
import type { Batch } from './matrix/cells.js';
import { variantsOf } from './matrix/variants.js';
import { socketIn } from './points/wire.js';
import { Vandal } from './control/damage.js';
import { scrubFindsNothing, scrubOnlyWhenAsked } from './control/scrub.js';

/** The slots of both VMs, but one each: whatever goes wrong, there is room to see it. */
const SLOTS = 28;
const STRUCK_APPS = ['ceph-worker', 'qemu-worker', 'billing-worker'];

export interface Results {
  readonly regions: readonly Region[];
  readonly seconds: number;
  readonly batches: number;
  readonly halfMade: number;
  readonly outcomes: readonly Outcome[];
  readonly wrong: readonly string[];
}

/** The whole matrix, or what was asked for of it, on a stack of its own. */
export async function runMatrix(
  settings: Settings,
  progress: Progress,
  stopped: Promise<never>,
): Promise<Results> {
  const began = performance.now();
  const data = mkdtempSync(join(tmpdir(), 'plumbline-matrix-'));
  chmodSync(data, 0o755); // PostgreSQL runs as a user of its own and has to get in.
  const opened = await openHands(data, progress);
  const { hands, stack } = opened;
  const outcomes: Outcome[] = [];
  const wrong: string[] = [];
  const batches = wanted(settings, hands);
  const work = async () => {
    for (const [index, batch] of batches.entries()) {
      const name = `${index + 1}/${batches.length}`;
      const result = await progress.phase(
        name,
        () => survived(batch, hands),
        (own) => `${nameOf(batch)}: ${tallyOf(own)}`,
      );
      outcomes.push(...result.outcomes);
      wrong.push(...result.wrong.map((line) => `${nameOf(batch)}: ${line}`));
      for (const line of troubleOf(result)) progress.line(line);
      if (result.outcomes.length === 0) return; // What stands there now would blame the next ones.
    }
    const scrub = () => scrubFindsNothing(stack);
    wrong.push(...(await progress.phase('scrub', scrub, (found) => `${found.length} findings`)));
  };
  try {
    await Promise.race([work(), stopped]);
    return {
      regions: hands.intents.regions,
      seconds: (performance.now() - began) / 1000,
      batches: batches.length,
      halfMade: hands.world.halfMade,
      outcomes,
      wrong,
    };
  } finally {
    if (settings.logs !== null) cpSync(stack.stack.layout.logs, settings.logs, { recursive: true });
    await opened.close();
    rmSync(data, { recursive: true, force: true });
  }
}

function wanted({ part, only }: Settings, { intents }: Hands): readonly Batch[] {
  const all = partOf(batchesOf(variantsOf(intentCatalog, intents.regions), SLOTS), part);
  return only === null ? all : all.filter((batch) => nameOf(batch).includes(only));
}

async function openHands(
  data: string,
  progress: Progress,
): Promise<{ hands: Hands; stack: RunningStack; close: () => Promise<void> }> {
  const closing: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const end of closing.reverse()) await end();
  };
  try {
    // The parts first: workers find the controller where the stack keeps what belongs to a run.
    const parts = await progress.phase('parts', () => startStack({ ephemeral: true, data, apps: false }));
    closing.push(() => parts.purge());
    const desk = await Desk.open(socketIn(parts.stack.layout.run));
    closing.push(() => desk.close());
    const stack = await progress.phase('workers', () => startOwn(data));
    closing.push(() => stack.purge());
    const intents = await Intents.open(stack);
    closing.push(() => intents.close());
    const crew = new Crew(stack);
    closing.push(() => crew.dismiss());
    await crew.muster();
    await scrubOnlyWhenAsked(stack);
    const vms = Object.values(stack.stack.state.vms ?? {});
    return {
      stack,
      close,
      hands: { desk, crew, intents, vms, vandal: new Vandal(stack), world: new World(stack) },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function startOwn(data: string): Promise<RunningStack> {
  const entries = STRUCK_APPS.map((app) => [app, resolve(import.meta.dirname, `entries/${app}.js`)]);
  return startStack({
    ephemeral: true,
    data,
    workers: { 'ceph-worker': 2, 'billing-worker': 2 },
    entries: Object.fromEntries(entries) as Record<string, string>,
  });
}

const nameOf = ({ point, way }: Batch): string => `${way} at ${point}`;

/** A batch that cannot go on is a finding too. */
async function survived(batch: Batch, hands: Hands): Promise<BatchResult> {
  try {
    return await runBatch(batch, hands);
  } catch (error) {
    return { outcomes: [], wrong: [`the system could not be used any more: ${String(error)}`] };
  }
}

function tallyOf({ outcomes, wrong }: BatchResult): string {
  const bad = outcomes.filter((one) => one.wrong.length > 0 || !one.reached).length;
  const slowest = Math.max(0, ...outcomes.map(({ settleMs }) => settleMs ?? 0));
  const verdict = bad + wrong.length === 0 ? 'all well' : `${bad + wrong.length} WRONG`;
  return `${outcomes.length} cases, ${verdict}, the last at rest after ${seconds(slowest)}`;
}

function troubleOf({ outcomes, wrong }: BatchResult): readonly string[] {
  return [
    ...outcomes.flatMap(({ kind, step, volume, wrong: own }) =>
      own.map((line) => `      ${kind}, ${step} (${volume}): ${line}`),
    ),
    ...wrong.map((line) => `      ${line}`),
  ];
}
