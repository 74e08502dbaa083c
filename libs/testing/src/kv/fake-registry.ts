import type { BootId } from '@plumbline/domain';
import {
  CONSUL_KV_LIMITS,
  openRegistry,
  processTiming,
  type BootIdentity,
  type ConsulKvLimits,
  type Registry,
  type Timing,
} from '@plumbline/registry';
import { FakeConsul, type FakeManners } from './fake-consul.js';

export interface FakeRegistryOptions {
  /** Given: another process of the same system. */
  readonly consul?: FakeConsul;
  readonly prefix?: string;
  readonly boot?: Partial<BootIdentity>;
  readonly manners?: FakeManners;
  readonly timing?: Timing;
  readonly limits?: Partial<ConsulKvLimits>;
  readonly newId?: () => string;
  /** The machine's wall clock. */
  readonly now?: () => number;
  readonly onFenced?: () => void;
  readonly onClockAhead?: () => void;
}

export interface FakeRegistry extends Registry {
  readonly consul: FakeConsul;
  readonly boot: BootId;
}

const DEADLINE_MS = 5_000;

/**
 * One process's registry on a fake Consul: the real group commit, group reads and boot over a store in memory. It beats
 * only when told to. Its making meets no bad manners.
 */
export async function createFakeRegistry(options: FakeRegistryOptions = {}): Promise<FakeRegistry> {
  const { manners = {}, consul = new FakeConsul() } = options;
  let isOpen = false;
  const later: FakeManners = {
    fate: (request) => (isOpen ? (manners.fate?.(request) ?? 'served') : 'served'),
    answering: (request) => (isOpen ? manners.answering?.(request) : undefined),
  };
  const registry = await openRegistry({
    transport: consul.transport(later),
    beatTransport: consul.transport(later),
    timing: options.timing ?? processTiming,
    prefix: options.prefix ?? 'plumbline/',
    boot: { name: 'test', app: 'test', host: null, version: '0', ...options.boot },
    limits: { ...CONSUL_KV_LIMITS, lingerMs: 0, ...options.limits },
    deadlineMs: DEADLINE_MS,
    newId: options.newId ?? (() => crypto.randomUUID()),
    wall: options.now ?? Date.now,
    onFenced: options.onFenced ?? (() => undefined),
    onClockAhead: options.onClockAhead ?? (() => undefined),
  });
  isOpen = true;
  return { ...registry, consul, boot: registry.boots.boot };
}
