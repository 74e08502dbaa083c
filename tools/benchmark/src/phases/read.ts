import { randomUUID } from 'node:crypto';
import type { Bench, Sample } from '../bench.js';
import { rewrittenKeys } from '../load/operations.js';

const volumesRead = 500;
const quickVolumesRead = 50;
const warmReads = 2_000;
const recordingClients = 64;
const perPage = 100;

export interface GetResult {
  readonly get: readonly Sample[];
  /** Consul asked for one key, consistently, by as many clients. */
  readonly consul: readonly Sample[];
}

export async function measureGet(bench: Bench): Promise<GetResult> {
  const { quick, rounds } = bench.settings;
  const ids = await bench.volumes(quick ? quickVolumesRead : volumesRead);
  const prefix = `bench/${randomUUID()}`;
  await bench.askConsul(
    { kind: 'transaction', prefix },
    { inFlight: 1, countMax: rewrittenKeys, msMax: Infinity },
  );
  await bench.ask({ kind: 'get', ids }, bench.effort(undefined, warmReads));
  const get: Sample[] = [];
  const consul: Sample[] = [];
  for (let round = 0; round < rounds; round++) {
    consul.push(await reading(bench, () => bench.askConsul({ kind: 'read', prefix }, bench.effort())));
    get.push(await reading(bench, () => bench.ask({ kind: 'get', ids }, bench.effort())));
  }
  return { get, consul };
}

export interface ListResult {
  /** Intents recorded with `respond-async`, while workers carry them out beside: how the account was filled. */
  readonly recorded: Sample;
  readonly volumes: number;
  readonly list: readonly Sample[];
}

/** Pages of an account with many volumes, which are all recorded first and then really made. */
export async function measureList(bench: Bench): Promise<ListResult> {
  const { listed: volumes, rounds } = bench.settings;
  const customer = await bench.target.newCustomer();
  const fill = { inFlight: recordingClients, countMax: volumes, msMax: Infinity };
  const recorded = await reading(bench, () => bench.ask(bench.creation(true), fill, customer));
  await bench.target.idle();
  const pages = { kind: 'list', perPage } as const;
  await bench.ask(pages, bench.effort(undefined, warmReads), customer);
  const list: Sample[] = [];
  for (let round = 0; round < rounds; round++)
    list.push(await reading(bench, () => bench.ask(pages, bench.effort(), customer)));
  return { recorded, volumes, list };
}

function reading(bench: Bench, work: () => ReturnType<Bench['askConsul']>): Promise<Sample> {
  return bench.sample(work, { untilIdle: false });
}
