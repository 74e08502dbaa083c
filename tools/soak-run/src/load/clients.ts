import { setTimeout as sleep } from 'node:timers/promises';
import type { Chance } from '../chance.js';
import type { Api, Sender } from './api.js';
import { learn } from './learn.js';
import { Memory } from './memory.js';
import { nextWish } from './wishes.js';

export interface Account {
  readonly id: string;
  readonly name: string;
  readonly token: string;
  readonly vms: readonly number[];
}

export interface LoadOptions {
  readonly api: Api;
  readonly accounts: readonly Account[];
  readonly regions: readonly string[];
  readonly chance: Chance;
  /** Requests a second of all clients together, as far as the answers come. */
  readonly rate: number;
  /** Names of this run begin so. */
  readonly prefix: string;
}

/** Whose account has VMs does more: only there disks come and go. */
const CLIENTS = { withVms: 10, without: 4 };
const STOP_MS = 45_000;

/** Clients of several accounts, each asking one thing after another. While the load pauses they finish and wait. */
export class Load {
  private readonly memories = new Map<string, Memory>();
  private readonly running: Promise<void>[] = [];
  private names = 0;
  private isRunning = false;
  private ended = false;

  constructor(private readonly options: LoadOptions) {
    for (const { id } of options.accounts) this.memories.set(id, new Memory());
    const { accounts, chance } = options;
    const count = ({ vms }: Account) => (vms.length > 0 ? CLIENTS.withVms : CLIENTS.without);
    const all = accounts.flatMap((account) =>
      Array.from({ length: count(account) }, (_, n) => ({ account, client: `${account.name}-${n + 1}` })),
    );
    const meanMs = (1_000 * all.length) / options.rate;
    for (const { account, client } of all)
      this.running.push(this.live(account, client, { chance: chance.fork(), meanMs }));
  }

  go(): void {
    this.isRunning = true;
  }

  pause(): void {
    this.isRunning = false;
  }

  /** Until the last request under way has ended. */
  async quiet(): Promise<void> {
    this.pause();
    const end = performance.now() + STOP_MS;
    while (this.options.api.underWay > 0 && performance.now() < end) await sleep(50);
    if (this.options.api.underWay > 0) throw new Error('a request outlived its own deadline');
  }

  async end(): Promise<void> {
    this.ended = true;
    await Promise.all(this.running);
  }

  private async live(
    account: Account,
    client: string,
    { chance, meanMs }: { chance: Chance; meanMs: number },
  ): Promise<void> {
    const { api } = this.options;
    const sender: Sender = { client, account: account.id, token: account.token };
    const memory = this.memories.get(account.id)!;
    while (!this.ended) {
      await sleep(chance.gapMs(meanMs));
      if (!this.isRunning) continue;
      const request = nextWish(chance, this.surroundings(account, memory, chance));
      learn(memory, request, await api.ask(sender, request));
    }
  }

  private surroundings(account: Account, memory: Memory, chance: Chance) {
    const others = this.options.accounts.filter(({ id }) => id !== account.id);
    const other = chance.pick(others);
    return {
      memory,
      foreign: (other && this.memories.get(other.id)) ?? new Memory(),
      vms: account.vms,
      foreignVms: others.flatMap(({ vms }) => vms),
      regions: this.options.regions,
      newName: () => `${this.options.prefix}${String((this.names += 1)).padStart(6, '0')}`,
    };
  }
}
