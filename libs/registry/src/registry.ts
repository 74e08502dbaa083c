import { randomUUID } from 'node:crypto';
import { backoffMs } from '@plumbline/domain';
import { CONSUL_KV_LIMITS, ConsulKv, type ConsulKvLimits } from './consul-kv.js';
import { ConsulTransport } from './consul-transport.js';
import { Halts } from './halts.js';
import type { Kv } from './kv.js';
import { layoutOf, type Layout } from './layout.js';
import { BEAT_DEADLINE_MS, OwnBoot, type BootIdentity } from './own-boot.js';
import { RegistryClock, heardBy } from './registry-clock.js';
import { processTiming, type Timing } from './timing.js';
import type { KvTransport } from './transport.js';

/** One process's registry: the store, and the life in whose name it writes. */
export interface Registry {
  readonly kv: Kv;
  readonly layout: Layout;
  readonly boots: OwnBoot;
  readonly halts: Halts;
  /** Waits for the writes under way, then leaves: only for a process that holds no attempt any more. */
  close(): Promise<void>;
}

export interface OpenOptions {
  readonly transport: KvTransport;
  readonly beatTransport: KvTransport;
  readonly timing: Timing;
  readonly prefix: string;
  readonly boot: BootIdentity;
  readonly limits: ConsulKvLimits;
  readonly deadlineMs: number;
  readonly newId: () => string;
  /** This machine's wall clock. */
  readonly wall: () => number;
  readonly onFenced: () => void;
  /** The registry's clock was set back further than this process may wait for: it has to end. */
  readonly onClockAhead: () => void;
}

/**
 * Begins a boot and opens the store for it, over any transport. The boot does not beat yet.
 * @throws TransientError, UncertainError
 */
export async function openRegistry(options: OpenOptions): Promise<Registry> {
  const { limits, timing, wall } = options;
  const clock = new RegistryClock({ timing, wall, onAhead: options.onClockAhead });
  const transport = heardBy(clock, timing, options.transport);
  const beatTransport = heardBy(clock, timing, options.beatTransport);
  const layout = layoutOf(options.prefix);
  const onRewound = (): void => {
    const why = 'the registry has forgotten beats of a running process';
    // One that cannot be declared now is declared by the next beat, or by whoever asks a witness.
    void halts.declare({ why, tick: halts.tick, witnesses: {} }).catch(() => undefined);
  };
  const identity = options.boot;
  const boots = await OwnBoot.begin({
    ...options,
    transport,
    beatTransport,
    clock,
    layout,
    identity,
    onRewound,
  });
  const { newId: newNonce } = options;
  const now = (): number => clock.now();
  const { name } = options.boot;
  const halts = new Halts({ transport, guard: boots.guard, layout, timing, now, newNonce, name });
  const kv = new ConsulKv({
    transport,
    timing,
    guard: boots.guard,
    haltKey: layout.halt,
    limits,
    onFenced: () => boots.fenced(),
    onHalted: () => void halts.ask(),
  });
  const close = async (): Promise<void> => {
    halts.stop();
    await kv.close();
    // Best effort: keys that stay behind fall silent, and others clear them away.
    await boots.end().catch(() => undefined);
    transport.close();
    beatTransport.close();
  };
  return { kv, layout, boots, halts, close };
}

export interface ConnectOptions {
  /** `http://127.0.0.1:8500`, an IP address. */
  readonly consulAddr: string;
  readonly prefix: string;
  readonly boot: BootIdentity;
  /** This process may never write again: it must exit. */
  readonly onFenced: () => void;
  /** The registry's clock was set back: it has to end in an orderly way, and to be started again. */
  readonly onClockAhead: () => void;
  /** Told while Consul is away and the start waits for it. */
  readonly onWaiting?: (error: unknown) => void;
  readonly signal?: AbortSignal;
  readonly deadlineMs?: number;
  readonly limits?: Partial<ConsulKvLimits>;
}

const DEADLINE_MS = 5_000;
const RETRY_BASE_MS = 250;
const RETRY_CAP_MS = 2_000;
/** Merged requests need few connections; a cap keeps a burst from reaching the agent's own. */
const SOCKETS_MAX = 16;
const BEAT_SOCKETS_MAX = 2;

/** Connects to Consul, waiting for it as long as it is away, and begins to beat. */
export async function connectRegistry(options: ConnectOptions): Promise<Registry> {
  const { consulAddr, deadlineMs = DEADLINE_MS } = options;
  const transport = new ConsulTransport({ consulAddr, deadlineMs, socketsMax: SOCKETS_MAX });
  const beatTransport = new ConsulTransport({
    consulAddr,
    deadlineMs: BEAT_DEADLINE_MS,
    socketsMax: BEAT_SOCKETS_MAX,
  });
  for (let tries = 1; ; tries += 1) {
    try {
      const registry = await openRegistry({
        transport,
        beatTransport,
        timing: processTiming,
        prefix: options.prefix,
        boot: options.boot,
        limits: { ...CONSUL_KV_LIMITS, ...options.limits },
        deadlineMs,
        newId: randomUUID,
        wall: Date.now,
        onFenced: options.onFenced,
        onClockAhead: options.onClockAhead,
      });
      registry.boots.startBeating();
      registry.halts.start();
      return registry;
    } catch (error) {
      options.signal?.throwIfAborted();
      options.onWaiting?.(error);
      const delayMs = backoffMs({ tries, baseMs: RETRY_BASE_MS, capMs: RETRY_CAP_MS, random: Math.random });
      await new Promise<void>((resolve) => void processTiming.after(delayMs, resolve));
    }
  }
}
