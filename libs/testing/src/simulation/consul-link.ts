import { UncertainError } from '@plumbline/domain';
import type { Fate, FakeManners, FakeRequest } from '../kv/fake-consul.js';
import type { ConsulFault } from './faults.js';
import type { SimulatedProcess } from './process.js';
import type { World } from './world.js';

const DEADLINE_MS = 5_000;
const BEAT_DEADLINE_MS = 1_900;
/** Longest that a write is under way after its client has given up. */
const LATE_MS = 20_000;
/** Of the requests that a dying process has sent, how many arrive. */
const ARRIVES_SHARE = 0.6;
const BEATS_SHARE = 0.1;
const STREAK_SHARE = 0.8;
const GAP_SHARE = 0.5;
/** And how many of these only after a while, when others may have taken over. */
const LINGERS_SHARE = 0.5;

/** A process's way to Consul: a request, its landing and its reply are events of their own, and each may come to grief. */
export function consulLink(world: World, process: SimulatedProcess): FakeManners {
  const { pool, faults, random } = world;
  const lostReplies = new WeakSet<FakeRequest>();
  const mine = (what: string) => ({ owner: process, what, about: '' });
  const onItsWay = (what: string, about: string) => ({
    owner: null,
    what: `${process.name}: ${what}`,
    about,
  });

  const meet = async (request: FakeRequest, fault: ConsulFault | null): Promise<Fate> => {
    const about = aboutOf(request);
    if (request.what === 'transact' && about.includes('lanes/')) process.mayBeStruck();
    const deadlineMs = about.includes('beats/') ? BEAT_DEADLINE_MS : DEADLINE_MS;
    if (process.cut || fault === 'consul-request-lost') {
      await pool.wait(deadlineMs, mine(`${request.what} was lost`));
      return 'dropped';
    }
    if (fault === 'consul-request-late' && request.what === 'transact') {
      await pool.wait(deadlineMs, mine(`${request.what} is given up`));
      pool.after(random.between(1, LATE_MS), onItsWay('late write lands', about), () =>
        world.consul.landLate(1),
      );
      return 'lands-late';
    }
    if (world.consulAway || fault === 'consul-refused') {
      await pool.wait(world.latencyMs(), mine(`${request.what} is refused`));
      return 'refused';
    }
    if (fault === 'consul-failed') {
      await pool.wait(world.latencyMs(), mine(`${request.what} is answered 500`));
      return random.chance(0.5) ? 'failed' : 'answer-lost';
    }
    await pool.wait(world.latencyMs(), onItsWay(request.what, about));
    if (process.state === 'dead') {
      if (!random.chance(ARRIVES_SHARE)) return await never();
      if (random.chance(LINGERS_SHARE))
        await pool.wait(random.between(1, LATE_MS), onItsWay(request.what, about));
      if (request.what === 'transact') faults.see('applied-after-death');
    }
    if (fault === 'consul-reply-lost') lostReplies.add(request);
    if (fault === 'consul-request-doubled' && request.what === 'transact') {
      const { ops } = request;
      pool.after(world.latencyMs(), onItsWay('the same transact again', about), () => {
        arrived(world, process, request);
        world.consul.store.transact(ops);
      });
    }
    arrived(world, process, request);
    return 'served';
  };

  /** Trouble comes in streaks: what befalls a write often befalls what is tried after it too. Beats are mostly spared. */
  let streak: ConsulFault | null = null;
  const faultOf = (request: FakeRequest): ConsulFault | null => {
    if (aboutOf(request).includes('beats/') && !random.chance(BEATS_SHARE)) return null;
    const goesOn = streak !== null && random.chance(STREAK_SHARE);
    if (goesOn && random.chance(GAP_SHARE)) return null;
    streak = goesOn ? streak : faults.nextConsul();
    return streak;
  };

  return {
    fate: (request) => {
      if (process.state === 'dead') return never();
      return meet(request, request.what === 'transact' ? faultOf(request) : null);
    },
    answering: async (request) => {
      if (lostReplies.has(request) || process.cut) {
        await pool.wait(DEADLINE_MS, mine('reply was lost'));
        throw new UncertainError('asking the simulated Consul', { reason: 'consul-timeout' });
      }
      await pool.wait(world.latencyMs(), mine(`${request.what} is answered`));
    },
  };
}

function arrived(world: World, process: SimulatedProcess, request: FakeRequest): void {
  if (request.what !== 'transact') return;
  const boot = world.consul.store.get(world.layout.boot(process.boot));
  const bootStood = boot !== null && boot.value.includes('"alive"');
  world.writes.push({ by: process, ops: request.ops, bootStood });
}

function aboutOf(request: FakeRequest): string {
  const short = (key: string): string => key.slice('plumbline/'.length);
  if (request.what === 'keys') return short(request.prefix);
  if (request.what === 'read') return request.prefixes.map(short).join(' ');
  return request.ops.map(({ verb, key }) => `${verb} ${short(key)}`).join(', ');
}

/** What a dead process waits for does not come. */
export function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}
