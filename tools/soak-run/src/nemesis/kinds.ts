/** Everything that may befall the system, by the rows of the fault table in docs/invariants.md. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Manner } from '@plumbline/testing';
import type { Chance } from '../chance.js';
import { signal, type ProxiedPart, type World } from './world.js';

/** What a fault befalls. While it lasts nothing else may befall what it takes. */
export interface Target {
  readonly name: string;
  readonly takes: readonly string[];
}

export interface FaultKind {
  readonly name: string;
  readonly lastsMs: readonly [least: number, most: number];
  targets(world: World): readonly Target[];
  /** Makes it so; what is returned takes it back. */
  begin(world: World, target: string, chance: Chance): Promise<() => Promise<void> | void>;
}

const CEPH = ['ceph-mon', 'ceph-osd', 'ceph-mgr'];
const VMS = ['vm-1', 'vm-2'];
const alone = (name: string): Target => ({ name, takes: [name] });
/** Parts of one Ceph do not suffer at the same time: which of them is at fault must be known when it is started again. */
const ofCeph = (name: string): Target => ({ name, takes: CEPH });
const among = (app: string) => (world: World) =>
  world.apps.filter((name) => name === app || name.startsWith(`${app}-`)).map(alone);
const everyApp = (world: World) => world.apps.map(alone);

/** Past the 8 s of silence after which a boot is taken over, or well before. */
const PAUSE_MS = [1_000, 14_000] as const;
const DOWN_MS = [200, 6_000] as const;

function kill(name: string, targets: FaultKind['targets']): FaultKind {
  return {
    name: `kill-${name}`,
    lastsMs: DOWN_MS,
    targets,
    async begin(world, target) {
      await world.killAndHold(target);
      return () => world.supervisor.release(target);
    },
  };
}

function pause(name: string, targets: FaultKind['targets']): FaultKind {
  return {
    name: `pause-${name}`,
    lastsMs: PAUSE_MS,
    targets,
    async begin(world, target) {
      const all = world.family(target);
      for (const pid of all) signal(pid, 'SIGSTOP');
      return () => all.forEach((pid) => signal(pid, 'SIGCONT'));
    },
  };
}

const APPS = ['api', 'ceph-worker', 'qemu-worker', 'billing-worker', 'scrubber'];
const PARTS: readonly (readonly [name: string, target: Target])[] = [
  ['osd', ofCeph('ceph-osd')],
  ['mon', ofCeph('ceph-mon')],
  ['consul', alone('consul')],
  ['redis', alone('redis')],
  ['postgres', alone('postgres')],
];

/** One process loses one part, all others keep it. What was held on the way arrives when it is over. */
function cut(name: string, part: ProxiedPart, manner: Manner): FaultKind {
  return {
    name,
    lastsMs: [1_000, 13_000],
    targets: (world) => world.appsBehind(part).map(alone),
    async begin(world, target) {
      world.cut(target, part, manner);
      return () => world.cut(target, part, 'passing');
    },
  };
}

function redis(name: string, lastsMs: FaultKind['lastsMs'], there: string[], back?: string[]): FaultKind {
  return {
    name: `redis-${name}`,
    lastsMs,
    targets: () => [alone('redis')],
    async begin(world) {
      await world.redis(...there);
      return async () => {
        if (back !== undefined) await world.redis(...back);
      };
    },
  };
}

const redisEmptied: FaultKind = {
  name: 'redis-emptied',
  lastsMs: DOWN_MS,
  targets: () => [alone('redis')],
  async begin(world) {
    await world.killAndHold('redis');
    rmSync(join(world.redisFolder, 'appendonlydir'), { recursive: true, force: true });
    return () => world.supervisor.release('redis');
  },
};

const stop: FaultKind = {
  name: 'stop-app',
  lastsMs: [100, 2_000],
  targets: everyApp,
  async begin(world, target) {
    world.supervisor.hold(target);
    await world.stack.halt(target);
    return () => world.supervisor.release(target);
  },
};

const twin: FaultKind = {
  name: 'two-of-one-name',
  lastsMs: [3_000, 12_000],
  targets: everyApp,
  async begin(world, target, chance) {
    const name = await world.stack.twin(target);
    return () => (chance.is(0.5) ? world.stack.kill(name) : world.stack.halt(name));
  },
};

/** A restart that was begun because the process seemed dead; then it wakes. */
const overlap: FaultKind = {
  name: 'restart-over-living',
  lastsMs: [4_000, 14_000],
  targets: everyApp,
  async begin(world, target, chance) {
    const { pid } = world.stack.process(target);
    signal(pid, 'SIGSTOP');
    const name = await world.stack.twin(target);
    return async () => {
      signal(pid, 'SIGCONT');
      await new Promise((resolve) => setTimeout(resolve, chance.between(0, 2_000)));
      await world.stack.kill(name);
    };
  },
};

const wallClock: FaultKind = {
  name: 'wall-clock-jumps',
  lastsMs: [3_000, 12_000],
  targets: everyApp,
  async begin(world, target, chance) {
    const hour = 3_600_000;
    world.setClock(target, chance.pick([hour, -hour, 40 * 24 * hour, -40 * 24 * hour]) ?? hour);
    return () => world.setClock(target, 0);
  },
};

const POOL = 'volumes-nyc1';
const quota: FaultKind = {
  name: 'ceph-over-quota',
  lastsMs: [7_000, 14_000],
  targets: () => [ofCeph('pool')],
  async begin(world) {
    await world.ceph('osd', 'pool', 'set-quota', POOL, 'max_objects', '1');
    return async () => void (await world.ceph('osd', 'pool', 'set-quota', POOL, 'max_objects', '0'));
  },
};

const FULL_RATIO_USUAL = '0.95';
const full: FaultKind = {
  name: 'ceph-full',
  lastsMs: [7_000, 14_000],
  targets: () => [ofCeph('osd')],
  async begin(world) {
    await world.ceph('osd', 'set-full-ratio', '0.000001');
    return async () => void (await world.ceph('osd', 'set-full-ratio', FULL_RATIO_USUAL));
  },
};

/** The OSD's own instruments: its connections break at random, or what it is asked waits. */
function osdSetting(
  name: string,
  settings: Readonly<Record<string, readonly [there: string, back: string]>>,
): FaultKind {
  return {
    name,
    lastsMs: [3_000, 12_000],
    targets: () => [ofCeph('osd')],
    async begin(world) {
      for (const [key, [value]] of Object.entries(settings)) await world.osd('config', 'set', key, value);
      return async () => {
        for (const [key, [, usual]] of Object.entries(settings)) await world.osd('config', 'set', key, usual);
      };
    },
  };
}

const blocklisted: FaultKind = {
  name: 'worker-blocklisted',
  lastsMs: [1_000, 3_000],
  targets: among('ceph-worker'),
  async begin(world, target) {
    const address = await world.addressOf(target);
    if (address === null) throw new Error(`${target} has noted no address`);
    await world.ceph('osd', 'blocklist', 'add', address, '600');
    return () => undefined;
  },
};

const killHost: FaultKind = {
  name: 'kill-host',
  lastsMs: [1_000, 6_000],
  targets: () => [{ name: 'host-a', takes: [...VMS, 'qemu-worker'] }],
  async begin(world) {
    const all = [...VMS, 'qemu-worker'];
    await Promise.all(all.map((name) => world.killAndHold(name)));
    return () => all.forEach((name) => world.supervisor.release(name));
  },
};

const killAll: FaultKind = {
  name: 'kill-everything',
  lastsMs: [200, 2_000],
  targets: (world) => [{ name: 'all', takes: [...world.apps, ...world.parts] }],
  async begin(world, _target, chance) {
    const all = [...world.apps, ...world.parts];
    await Promise.all(all.map((name) => world.killAndHold(name)));
    return async () => {
      const order = all.map((name) => ({ name, at: chance.next() })).sort((a, b) => a.at - b.at);
      for (const { name } of order) {
        world.supervisor.release(name);
        await new Promise((resolve) => setTimeout(resolve, chance.between(0, 400)));
      }
    };
  },
};

const pauseWorkers: FaultKind = {
  name: 'pause-all-workers',
  lastsMs: [9_000, 14_000],
  targets: (world) => {
    const takes = world.apps.filter((name) => name !== 'api');
    return [{ name: 'workers', takes }];
  },
  async begin(world) {
    const all = world.apps.filter((name) => name !== 'api').map((name) => world.stack.process(name).pid);
    for (const pid of all) signal(pid, 'SIGSTOP');
    return () => all.forEach((pid) => signal(pid, 'SIGCONT'));
  },
};

export const faultKinds: readonly FaultKind[] = [
  ...APPS.flatMap((app) => [kill(app, among(app)), pause(app, among(app))]),
  ...PARTS.flatMap(([name, target]) => [kill(name, () => [target]), pause(name, () => [target])]),
  kill('vm', () => VMS.map(alone)),
  pause('vm', () => VMS.map(alone)),
  stop,
  twin,
  overlap,
  wallClock,
  redis('flushed', [200, 1_000], ['FLUSHALL']),
  redis(
    'out-of-memory',
    [2_000, 9_000],
    ['CONFIG', 'SET', 'maxmemory', '1'],
    ['CONFIG', 'SET', 'maxmemory', '1gb'],
  ),
  redis('read-only', [2_000, 9_000], ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']),
  redisEmptied,
  cut('cut-consul', 'consul', 'hung'),
  cut('cut-consul-requests', 'consul', 'mute'),
  cut('cut-consul-replies', 'consul', 'deaf'),
  cut('refuse-consul', 'consul', 'refusing'),
  cut('cut-redis', 'redis', 'hung'),
  cut('cut-postgres', 'postgres', 'hung'),
  quota,
  full,
  osdSetting('ceph-connections-break', { ms_inject_socket_failures: ['40', '0'] }),
  osdSetting('ceph-slow', {
    osd_debug_inject_dispatch_delay_probability: ['0.3', '0'],
    osd_debug_inject_dispatch_delay_duration: ['1.5', '0.1'],
  }),
  blocklisted,
  killHost,
  killAll,
  pauseWorkers,
];
