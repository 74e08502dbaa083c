import * as tools from '@plumbline/stack';
import type { Progress } from '@plumbline/stack';
import { ByHand, ScrubDesk, System } from '@plumbline/testing';
import type { VmName } from '@plumbline/testing';
import type { Chance } from '../chance.js';

export const SCRUBBERS = ['scrubber-1', 'scrubber-2'];
/** Passes follow one another, at full pace; what may be repaired within an hour is shown elsewhere. */
const SCRUBBER_IS_TOLD = {
  PLUMBLINE_SCRUB_EVERY_MS: '1000',
  PLUMBLINE_SCRUB_PER_SECOND: '10000',
  PLUMBLINE_REPAIRS_PER_HOUR: '10000',
};
const CLIENTS = 64;
const AGAIN_MS = 250;
const PASS_MS = 5 * 60_000;
const AGREE_MS = 5 * 60_000;

/** A system with a population, and a person with the parts' own tools who does as she likes. */
export class DriftWorld {
  readonly desk: ScrubDesk;
  readonly hand: ByHand;
  private fresh: string[] = [];
  private named = 0;

  private constructor(
    readonly system: System,
    readonly chance: Chance,
    readonly progress: Progress,
  ) {
    this.desk = new ScrubDesk(system);
    this.hand = new ByHand(system, tools);
  }

  static async start({ chance, progress }: { chance: Chance; progress: Progress }): Promise<DriftWorld> {
    const system = await System.start(tools, { workers: { scrubber: 2, 'ceph-worker': 2 } });
    try {
      for (const name of SCRUBBERS) {
        await system.stack.halt(name);
        system.stack.override(name, SCRUBBER_IS_TOLD);
      }
      await system.stack.restore();
      return new DriftWorld(system, chance, progress);
    } catch (error) {
      await system.stack.purge();
      throw error;
    }
  }

  /**
   * What takes a person a while must look as if it had happened at once. Scrubbers that begin after it go on with the pass
   * that was under way, which sees a part of it only: so nothing is repaired before a whole one has ended.
   */
  async whileNobodyLooks(work: () => Promise<unknown>): Promise<void> {
    await this.desk.pause(true);
    for (const name of SCRUBBERS) await this.system.stack.halt(name);
    await work();
    await this.system.stack.restore();
    await this.pass();
    await this.desk.pause(false);
  }

  /** Volumes that nobody has touched yet. */
  take(count: number): readonly string[] {
    if (this.fresh.length < count)
      throw new Error(`${count} volumes are wanted, and ${this.fresh.length} are left: more --population`);
    return this.fresh.splice(0, count);
  }

  giveBack(volumes: readonly string[]): void {
    this.fresh.push(...volumes);
  }

  get untouched(): number {
    return this.fresh.length;
  }

  /** All of them at once, by many clients that do not wait. */
  async populate(count: number): Promise<void> {
    this.fresh.push(...(await this.createMany(count)));
  }

  async createMany(count: number): Promise<readonly string[]> {
    const before = await this.volumesTotal();
    const first = this.named;
    this.named += count;
    const ids = await this.byMany(
      Array.from({ length: count }, (_, n) => `many-${first + n}`),
      async (name) => (await this.system.record(name)).volume,
    );
    const areThere = async () => (await this.volumesTotal()) === before + count;
    await this.until(areThere, `${count} volumes to be made`);
    return ids;
  }

  async attach(volumes: readonly string[], vm: VmName): Promise<void> {
    await this.byMany(volumes, async (volume) => {
      await this.system.begin(volume, { type: 'attach', droplet_id: this.hand.vmId(vm) });
      const isIn = async () => (await this.system.volume(volume)).droplet_ids.includes(this.hand.vmId(vm));
      await this.until(isIn, `${volume} to be attached`);
    });
  }

  async detach(volumes: readonly string[]): Promise<void> {
    await this.byMany(volumes, async (volume) => {
      const vm = this.hand.vmId(await this.hand.vmOf(volume));
      await this.system.begin(volume, { type: 'detach', droplet_id: vm });
      const isOut = async () => (await this.system.volume(volume)).droplet_ids.length === 0;
      await this.until(isOut, `${volume} to be detached`);
    });
  }

  /** Deletes as customers do; a volume that is at work is asked for again. */
  async remove(volumes: readonly string[]): Promise<void> {
    await this.byMany(volumes, async (volume) => {
      const isGone = async () =>
        [204, 404].includes((await this.system.ask('DELETE', `/v2/volumes/${volume}`)).status);
      await this.until(isGone, `${volume} to be deleted`);
    });
  }

  /** Does something with each, as many at a time as there are clients. */
  async byMany<T, R>(
    items: readonly T[],
    work: (item: T) => Promise<R>,
    atOnce = CLIENTS,
  ): Promise<readonly R[]> {
    const results: R[] = [];
    const queue = items.entries();
    const client = async () => {
      for (const [at, item] of queue) results[at] = await work(item);
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, client));
    return results;
  }

  /** How many repairs were ever recorded for a volume, by the registry's own keys. */
  async filedFor(volume: string): Promise<number> {
    const actions = [...(await this.system.registry('internal-actions/')).values()];
    return actions.filter(({ value }) => (value as { resource: string }).resource === `volume/${volume}`)
      .length;
  }

  async filedInAll(): Promise<number> {
    return (await this.keys('internal-actions/')).length;
  }

  keys(prefix: string): Promise<readonly string[]> {
    return tools.consulKeys(this.system.variable('CONSUL_HTTP_ADDR'), `plumbline/${prefix}`);
  }

  /** Until a whole pass has ended that began after now. */
  async pass(): Promise<{ confirmed: number; filed: number; waiting: number }> {
    const { now } = await this.desk.scrub();
    return await tools.waitFor(
      async () => {
        const last = (await this.desk.scrub()).status?.last;
        return last !== undefined && last !== null && last.startedAt >= now && last;
      },
      { what: 'a whole pass', deadlineMs: PASS_MS, everyMs: AGAIN_MS },
    );
  }

  /**
   * The end of each case: nothing is wrong any more by the API, no brake is on, a pass finds nothing and files nothing, and
   * the sources agree when they are asked outside the product.
   */
  async allAgrees(): Promise<void> {
    const stands = async () => {
      const wrong = (await this.desk.wrong()).map(
        ({ key, remedy, state }) => `${state} ${remedy.name} ${key}`,
      );
      const brakes = (await this.desk.scrub()).brakes.map(({ facet, why }) => `brake ${why} on ${facet}`);
      return [...wrong, ...brakes];
    };
    await this.until(async () => (await stands()).length === 0, 'nothing to be wrong', AGREE_MS).catch(
      async (cause: unknown) => {
        throw new Error(`still wrong: ${few(await stands())}`, { cause });
      },
    );
    const { confirmed, filed, waiting } = await this.pass();
    if (confirmed + filed + waiting > 0)
      throw new Error(`a pass confirmed ${confirmed}, recorded ${filed} repairs, and ${waiting} wait`);
    // `rbd` ends with an error when an image goes away under its listing: then all is read once more.
    const apart = await tools.waitFor(() => this.system.disagreements([], AGREE_MS), {
      what: 'the sources to be read',
      deadlineMs: AGREE_MS,
    });
    if (apart.length > 0) throw new Error(`sources differ: ${few(apart)}`);
  }

  async until(isSo: () => Promise<boolean>, what: string, deadlineMs = AGREE_MS): Promise<void> {
    await tools.waitFor(isSo, { what, deadlineMs, everyMs: AGAIN_MS });
  }

  async leader(): Promise<string> {
    return (await this.desk.scrub()).status?.leader ?? '';
  }

  private async volumesTotal(): Promise<number> {
    const answer = await this.system.ask<{ meta: { total: number } }>('GET', '/v2/volumes?per_page=1');
    return answer.body.meta.total;
  }
}

const FEW = 8;

/** The first of them, and how many more there are. */
export function few(lines: readonly string[]): string {
  const more = lines.length > FEW ? `; and ${lines.length - FEW} more` : '';
  return `${lines.slice(0, FEW).join('; ')}${more}`;
}
