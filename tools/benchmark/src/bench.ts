/** What every phase works with: the target, the load, the bare part, and how a run of them is measured. */
import { randomUUID } from 'node:crypto';
import type { Progress } from '@plumbline/stack';
import type { Settings } from './args.js';
import { Companion } from './companion.js';
import type { FloorOperation, FloorWish } from './floor/process.js';
import type { Operation } from './load/operations.js';
import type { LoadResult, LoadWish } from './load/process.js';
import type { Effort } from './measure/effort.js';
import { figuresOf, mean, median, spread, type Figures, type Measured } from './measure/figures.js';
import { watchCpu } from './measure/processes.js';
import type { Customer, Target } from './target.js';

/** As many native calls as the product's worker has in flight, and some threads more. */
const floorInFlight = 16;
const floorThreads = '24';
const stockClients = 32;

export interface Sample extends Figures {
  /** By process, the load and the bare part included. */
  readonly cpuMsPerOperation: Readonly<Record<string, number>>;
}

/** One operation beside its bare part. */
export interface Compared {
  readonly product: readonly Sample[];
  /** One before, one between, one after. */
  readonly floors: readonly Sample[];
  /** Of each round against the mean of the floors on its both sides; the middle one. */
  readonly ratio: number;
  /** CPU of the bare part with Ceph over CPU of everything: what the ratio would be if the machine had nothing else to do. */
  readonly ratioByCpu: number;
  readonly floorsApart: number;
}

/** Processes whose CPU the bare part needs, too. */
const bareProcesses = ['bare ceph', 'ceph-osd', 'ceph-mon'];

export class Bench {
  private readonly load = new Companion<LoadWish, LoadResult>('load', './load/process.js');
  private readonly bare = new Companion<FloorWish, Measured>('bare Ceph', './floor/process.js', {
    UV_THREADPOOL_SIZE: floorThreads,
  });
  private customer: Customer | null = null;
  private readonly stock: string[] = [];

  private constructor(
    readonly settings: Settings,
    readonly target: Target,
    readonly progress: Progress,
  ) {}

  static async begin(settings: Settings, target: Target, progress: Progress): Promise<Bench> {
    const bench = new Bench(settings, target, progress);
    await bench.bare.ask({ kind: 'connect', ...target.ceph });
    return bench;
  }

  async end(): Promise<void> {
    await this.load.end();
    await this.bare.end();
  }

  /** What the benchmark's own images take up goes; on a throw-away stack it goes with it. */
  async clearUp(): Promise<void> {
    await this.bare.ask({ kind: 'remove-all' });
  }

  effort(inFlight = this.settings.clients, countMax = this.settings.countMax): Effort {
    return {
      inFlight,
      countMax: Math.min(countMax, this.settings.countMax),
      msMax: this.settings.seconds * 1_000,
    };
  }

  /** Asks the API, as the given customer or the one that all phases share. */
  async ask(
    operation: Operation,
    effort: Effort,
    as?: Customer,
  ): Promise<Measured & { made: readonly string[] }> {
    const { token } = as ?? (this.customer ??= await this.target.newCustomer());
    const headers = { authorization: `Bearer ${token}` };
    return this.load.ask({ base: this.target.url, headers, effort, operation });
  }

  /** Asks Consul, past Plumbline. */
  askConsul(operation: Operation, effort: Effort): Promise<Measured> {
    return this.load.ask({ base: this.target.consul, headers: {}, effort, operation });
  }

  /** Asks librbd, past Plumbline. */
  askCeph(kind: FloorOperation, by: { inFlight?: number; countMax?: number } = {}): Promise<Measured> {
    const { countMax = this.settings.countMax, inFlight = floorInFlight } = by;
    return this.bare.ask({
      kind,
      effort: { inFlight, countMax, msMax: this.settings.floorSeconds * 1_000 },
    });
  }

  /** Volumes that are there, made now if there are too few: no phase waits for images made beforehand. */
  async volumes(count: number): Promise<readonly string[]> {
    const missing = count - this.stock.length;
    if (missing > 0) {
      const effort = { countMax: missing, msMax: Infinity, inFlight: Math.min(stockClients, missing) };
      this.keep((await this.ask(this.creation(), effort)).made);
      await this.target.idle();
    }
    return this.stock.slice(0, count);
  }

  keep(ids: readonly string[]): void {
    this.stock.push(...ids);
  }

  /** So many of the volumes, which are then no longer there for others. */
  async takeVolumes(count: number): Promise<readonly string[]> {
    await this.volumes(count);
    return this.stock.splice(0, count);
  }

  creation(respondAsync = false): Operation {
    const name = `bench-${randomUUID().slice(0, 8)}`;
    return { kind: 'create', region: this.target.region, name, respondAsync };
  }

  /** Runs something and takes what every process used meanwhile. Work that goes on behind the answers counts too. */
  async sample(work: () => Promise<Measured>, { untilIdle }: { untilIdle: boolean }): Promise<Sample> {
    const own = [
      { name: 'load', pid: this.load.pid },
      { name: 'bare ceph', pid: this.bare.pid },
    ];
    const cpuSince = watchCpu([...this.target.processes, ...own]);
    const figures = figuresOf(await work());
    if (untilIdle) await this.target.idle();
    const used = Object.entries(cpuSince()).map(([name, ms]) => [name, ms / Math.max(1, figures.done)]);
    return { ...figures, cpuMsPerOperation: Object.fromEntries(used) as Record<string, number> };
  }

  /** The product beside the bare part, in turns. */
  async compare(by: { bare: () => Promise<Measured>; product: () => Promise<Sample> }): Promise<Compared> {
    const floor = () => this.sample(by.bare, { untilIdle: false });
    await this.target.idle();
    const floors = [await floor()];
    const product: Sample[] = [];
    for (let round = 0; round < this.settings.rounds; round++) {
      product.push(await by.product());
      floors.push(await floor());
    }
    return { product, floors, ...comparisonOf(product, floors) };
  }
}

function comparisonOf(product: readonly Sample[], floors: readonly Sample[]) {
  const rates = floors.map(({ perSecond }) => perSecond);
  const ratios = product.map(
    ({ perSecond }, at) => perSecond / Math.max(mean(rates.slice(at, at + 2)), 1e-9),
  );
  const bareMs = median(floors.map((floor) => cpuMsOf(floor, (name) => bareProcesses.includes(name))));
  const allMs = median(product.map((sample) => cpuMsOf(sample, (name) => name !== 'load')));
  return { ratio: median(ratios), ratioByCpu: bareMs / allMs, floorsApart: spread(rates) };
}

function cpuMsOf({ cpuMsPerOperation }: Sample, counts: (name: string) => boolean): number {
  const counted = Object.entries(cpuMsPerOperation).filter(([name]) => counts(name));
  return counted.reduce((sum, [, ms]) => sum + ms, 0);
}
