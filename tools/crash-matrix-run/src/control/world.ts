/** What stands outside: read past the product, waited for, and judged. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ActionRecord, Lane, VolumeRecord } from '@plumbline/domain';
import { askQemu, query } from '@plumbline/stack';
import type { RunningStack } from '@plumbline/stack';
import { disagreementsIn, lookAtAll, readRegistry } from '@plumbline/testing';
import type { RegistryEntry, Seen } from '@plumbline/testing';
import { History } from './judge.js';
import type { Asked } from './intents.js';

const EVERY_MS = 150;
const AGREE_MS = 60_000;
const ACTION_DIGITS = 16;

export type Registry = ReadonlyMap<string, RegistryEntry>;

export class World {
  readonly history = new History();
  /** Images that were listed and did not open, at one look or another. */
  halfMade = 0;

  constructor(private readonly stack: RunningStack) {}

  /** Every reading is a chance to see what must never be. */
  async registry(): Promise<Registry> {
    const registry = await readRegistry(this.stack.env['CONSUL_HTTP_ADDR'] ?? '');
    this.history.take(registry);
    return registry;
  }

  everything(): Promise<Seen> {
    return lookAtAll(this.stack.env, { query, askQemu });
  }

  /** Reads the registry until it is so; false at the deadline. */
  async until(
    isSo: (registry: Registry) => boolean | Promise<boolean>,
    deadlineMs: number,
  ): Promise<boolean> {
    const end = performance.now() + deadlineMs;
    for (;;) {
      if (await isSo(await this.registry())) return true;
      if (performance.now() > end) return false;
      await sleep(EVERY_MS);
    }
  }

  /** What still differs between the sources at the deadline, a sentence each. */
  async disagreements(isAllowed: (line: string) => boolean): Promise<readonly string[]> {
    const end = performance.now() + AGREE_MS;
    for (;;) {
      const found = disagreementsIn(await this.everything()).filter((line) => !isAllowed(line));
      if (found.length === 0 || performance.now() > end) return found;
      await sleep(EVERY_MS);
    }
  }

  /** Also one that customers do not see. */
  action(registry: Registry, { account, action }: Asked): ActionRecord | undefined {
    const path = `actions/${account}/${String(action).padStart(ACTION_DIGITS, '0')}`;
    const entry = registry.get(path) ?? registry.get(`internal-${path}`);
    return entry?.value as ActionRecord | undefined;
  }

  record(
    registry: Registry,
    { account, volume }: { account: { id: string }; volume: string },
  ): VolumeRecord | null {
    return (registry.get(`volumes/${account.id}/${volume}`)?.value as VolumeRecord | undefined) ?? null;
  }

  lane(registry: Registry, resource: string): Lane | null {
    return (registry.get(`lanes/${resource}`)?.value as Lane | undefined) ?? null;
  }

  /** Its lane is gone, and billing knows. */
  isAtRest(registry: Registry, resource: string): boolean {
    const isItsOwed = (key: string) => key.startsWith('owed/') && key.includes(`/${resource}/`);
    return this.lane(registry, resource) === null && ![...registry.keys()].some(isItsOwed);
  }

  /** The boots that live under these names. */
  bootsOf(registry: Registry, names: readonly string[]): readonly string[] {
    return [...registry]
      .filter(([key]) => key.startsWith('boots/'))
      .map(([, { value }]) => value as { boot: string; name: string })
      .filter(({ name }) => names.includes(name))
      .map(({ boot }) => boot);
  }
}
