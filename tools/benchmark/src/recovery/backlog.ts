/** Ten thousand intents of one account, recorded while no worker runs, and what becomes of them and of others then. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Sample } from '../bench.js';
import { mean } from '../measure/figures.js';
import { peakMbOf } from '../measure/processes.js';
import type { Customer } from '../target.js';
import { ended, recordOne } from './requests.js';

const recordingClients = 64;
const workers = 2;
/** Of the volumes, so many get two more intents behind their creation: lanes that have an order. */
const grownPart = 0.1;
const growths = 2;
const lookEveryMs = 250;
const drainMaxMs = 30 * 60_000;

export interface Backlog {
  readonly creations: Sample;
  readonly growths: Sample;
  /** Of all of them together. */
  readonly recordedPerSecond: number;
  readonly recordedP99Ms: number;
  /** From the first that was settled to the last. */
  readonly drainedPerSecond: number;
  /** What bare librbd takes for the same over what Plumbline took. */
  readonly ratio: number;
  /** Actions that are not there, did not end well, or not in the order in which they were recorded. */
  readonly outOfOrder: number;
  /** The most that each process had resident until then. */
  readonly peakMb: Readonly<Record<string, number>>;
  /** Another account's one intent, recorded behind all of these, from the workers' start to its end; and alone. */
  readonly behindMs: number;
  readonly aloneMs: number;
}

export async function measureBacklog(bench: Bench, customer: Customer): Promise<Backlog> {
  const { target, settings } = bench;
  const other = await target.newCustomer();
  await target.stack.scale('ceph-worker', 0);
  const aloneMs = await fromStart(bench, other);
  await target.idle();
  await target.stack.scale('ceph-worker', 0);

  const volumes = Math.max(1, Math.round(settings.intents / (1 + grownPart * growths)));
  const effort = (countMax: number) => ({ inFlight: recordingClients, countMax, msMax: Infinity });
  const made: string[] = [];
  const creations = await bench.sample(
    async () => {
      const result = await bench.ask(bench.creation(true), effort(volumes), customer);
      made.push(...result.made);
      return result;
    },
    { untilIdle: false },
  );
  const grown = made.slice(0, Math.max(1, Math.round(volumes * grownPart)));
  const growing = { kind: 'record-growth', ids: grown, fromGib: 1 } as const;
  const grew = await bench.sample(
    () =>
      bench.ask(
        growing,
        { ...effort(growths * grown.length), inFlight: Math.min(recordingClients, grown.length) },
        customer,
      ),
    { untilIdle: false },
  );
  const floors = [await floorOf(bench)];
  const drained = await drain(bench, other);
  floors.push(await floorOf(bench));
  const bareMs =
    (creations.done * 1_000) / mean(floors.map(({ create }) => create)) +
    (grew.done * 1_000) / mean(floors.map(({ grow }) => grow));
  const recordMs = [creations, grew].reduce((sum, one) => sum + (one.done * 1_000) / one.perSecond, 0);
  return {
    creations,
    growths: grew,
    recordedPerSecond: ((creations.done + grew.done) * 1_000) / recordMs,
    recordedP99Ms: Math.max(creations.p99Ms, grew.p99Ms),
    drainedPerSecond: ((creations.done + grew.done) * 1_000) / drained.ms,
    ratio: bareMs / drained.ms,
    outOfOrder: await outOfOrder(bench, customer, { made, grown }),
    peakMb: Object.fromEntries(
      target.appNames.map((name) => [name, peakMbOf(target.stack.process(name).pid)]),
    ),
    behindMs: drained.otherMs,
    aloneMs,
  };
}

async function floorOf(bench: Bench): Promise<{ create: number; grow: number }> {
  const rate = async (kind: 'create' | 'grow') => {
    const { done, wallMs } = await bench.askCeph(kind);
    return (done * 1_000) / wallMs;
  };
  return { create: await rate('create'), grow: await rate('grow') };
}

/** Records one intent while no worker runs, starts the workers, and times its end from there. */
async function fromStart({ target }: Bench, { token }: Customer): Promise<number> {
  const { action } = await recordOne(target, token);
  const began = performance.now();
  const starting = target.stack.scale('ceph-worker', workers);
  await ended(target.clientOf({ token }), action, drainMaxMs);
  const tookMs = performance.now() - began;
  await starting;
  return tookMs;
}

async function drain(bench: Bench, other: Customer): Promise<{ ms: number; otherMs: number }> {
  const { target } = bench;
  const all = (await target.laneCount()) + 1;
  const otherEnds = fromStart(bench, other);
  let began = 0;
  const until = performance.now() + drainMaxMs;
  for (;;) {
    const left = await target.laneCount();
    if (began === 0 && left < all) began = performance.now();
    if (left === 0 || performance.now() > until) break;
    await sleep(lookEveryMs);
  }
  const ms = performance.now() - began;
  const otherMs = await otherEnds;
  await target.idle();
  return { ms, otherMs };
}

interface ActionRecord {
  readonly n: number;
  readonly resource: string;
  readonly status: string;
  readonly revAfter: number | null;
}

/** In the registry's own words: each volume's actions ended well, and made its versions one, two, three in their order. */
async function outOfOrder(
  { target }: Bench,
  { id }: Customer,
  { made, grown }: { made: readonly string[]; grown: readonly string[] },
): Promise<number> {
  const actions = await target.registryTree<ActionRecord>(`actions/${id}/`);
  const versions = new Map<string, number>();
  let wrong = 0;
  for (const { resource, status, revAfter } of actions.toSorted((one, next) => one.n - next.n)) {
    const version = (versions.get(resource) ?? 0) + 1;
    versions.set(resource, version);
    if (status !== 'completed' || revAfter !== version) wrong += 1;
  }
  const growing = new Set(grown);
  for (const volume of made)
    if (versions.get(`volume/${volume}`) !== (growing.has(volume) ? 1 + growths : 1)) wrong += 1;
  return wrong;
}
