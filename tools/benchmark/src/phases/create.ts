import { randomUUID } from 'node:crypto';
import type { Bench, Compared, Sample } from '../bench.js';
import { median } from '../measure/figures.js';

export interface CreateResult {
  readonly many: Compared;
  readonly one: Compared;
  readonly consulOne: readonly Sample[];
  readonly consulMany: readonly Sample[];
  /** Median p50 with one client, over that of one bare create and three Consul writes. */
  readonly oneOverBare: number;
  /** Images whose volume nobody asked for: nothing may be made before its intent. */
  readonly imagesUnasked: number;
}

/** Creation, with many clients and with one. */
export async function measureCreate(bench: Bench): Promise<CreateResult> {
  const { target } = bench;
  const before = new Set(await target.images());
  const made: string[] = [];
  const create = (clients: number) =>
    bench.sample(
      async () => {
        const result = await bench.ask(bench.creation(), bench.effort(clients));
        made.push(...result.made);
        return result;
      },
      { untilIdle: true },
    );
  const many = await bench.compare({
    bare: () => bench.askCeph('create'),
    product: () => create(bench.settings.clients),
  });
  const { clients } = bench.settings;
  const consulOne = [await measureTransactions(bench, 1)];
  const one = await bench.compare({
    bare: () => bench.askCeph('create', { inFlight: 1 }),
    product: () => create(1),
  });
  consulOne.push(await measureTransactions(bench, 1));
  const consulMany = [await measureTransactions(bench, clients)];
  const asked = new Set(made.map((id) => `volume-${id}`));
  const unasked = (await target.images()).filter((name) => !before.has(name) && !asked.has(name));
  bench.keep(made);
  return {
    ...{ many, one, consulOne, consulMany, imagesUnasked: unasked.length },
    oneOverBare: oneOverBare(one, consulOne),
  };
}

function oneOverBare(one: Compared, consul: readonly Sample[]): number {
  const p50 = (samples: readonly Sample[]) => median(samples.map(({ p50Ms }) => p50Ms));
  return p50(one.product) / (p50(one.floors) + 3 * p50(consul));
}

function measureTransactions(bench: Bench, connections: number): Promise<Sample> {
  const effort = {
    inFlight: connections,
    countMax: bench.settings.countMax,
    msMax: bench.settings.floorSeconds * 1_000,
  };
  const operation = { kind: 'transaction', prefix: `bench/${randomUUID()}` } as const;
  return bench.sample(() => bench.askConsul(operation, effort), { untilIdle: false });
}
