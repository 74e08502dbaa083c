import { UncertainError } from '@plumbline/domain';
import type { Lane } from '@plumbline/domain';
import type { KvOp } from '@plumbline/registry';
import type { Fate, FakeManners, FakeRequest } from '../kv/fake-consul.js';
import type { WriteFault, WritePoint } from './faults.js';
import type { SimulatedProcess } from './process.js';
import { parsed } from '../kv/parsed.js';
import type { World } from './world.js';

const DEADLINE_MS = 5_000;
const BEAT_DEADLINE_MS = 1_900;
/** Longest that a write is under way after its client has given up. */
const LATE_MS = 20_000;
/** Of the requests that a dying process has sent, how many arrive. */
const ARRIVES_SHARE = 0.6;
/** And how many of these only after a while, when others may have taken over. */
const LINGERS_SHARE = 0.5;
/** Trouble comes in streaks: what befalls a write often befalls what is tried after it too. */
const STREAK_SHARE = 0.8;
const GAP_SHARE = 0.5;
const ACTION = /\/(?:internal-)?actions\//;

/** A process's way to Consul: a request, its landing and its reply are events of their own, and each may come to grief. */
export function consulLink(world: World, process: SimulatedProcess): FakeManners {
  const { pool, faults } = world;
  const { random } = process;
  const lostReplies = new WeakSet<FakeRequest>();
  const mine = (what: string) => ({ owner: process, what });
  let streak: WriteFault | null = null;

  /** Of a streak every other write or so is spared: what was tried again gets through, and what follows it does not. */
  const faultOf = (point: WritePoint | null): WriteFault | null => {
    if (point === null || faults.isOver) return null;
    const goesOn = streak !== null && random.chance(STREAK_SHARE);
    if (goesOn && random.chance(GAP_SHARE)) return null;
    streak = goesOn ? streak : faults.ofWrite(point);
    return streak;
  };

  const meet = async (request: FakeRequest): Promise<Fate> => {
    const isBeat = request.what === 'transact' && isOwnBeat(world, process, request.ops);
    const point = request.what === 'transact' && !isBeat ? pointOf(world, process, request.ops) : null;
    const fault = faultOf(point);
    const struck = process.strikeAt(point);
    if (request.what === 'transact' && point !== null) process.expectTrueStamps(request.ops);
    const deadlineMs = isBeat ? BEAT_DEADLINE_MS : DEADLINE_MS;
    const onItsWay = {
      owner: null,
      what: `${process.name}: ${point ?? request.what}`,
      about: aboutOf(request),
    };
    struck?.('before');
    if (process.cut === 'both' || fault === 'write-lost') {
      await pool.wait(deadlineMs, mine(`${request.what} was lost`));
      return 'dropped';
    }
    const lands = (): void => {
      arrived(world, process, request);
      if (request.what === 'transact') world.consul.store.transact(request.ops);
    };
    if (fault === 'write-late') {
      pool.after(deadlineMs + random.between(1, LATE_MS), onItsWay, lands);
      await pool.wait(deadlineMs, mine(`${request.what} is given up`));
      return 'dropped';
    }
    if (world.consulFull && request.what === 'transact' && request.ops.some(writes)) {
      await pool.wait(process.latencyMs(), mine(`${request.what} is answered 500`));
      return 'failed';
    }
    if (world.consulAway || fault === 'write-refused') {
      await pool.wait(process.latencyMs(), mine(`${request.what} is refused`));
      return 'refused';
    }
    if (fault === 'write-failed') {
      await pool.wait(process.latencyMs(), mine(`${request.what} is answered 500`));
      if (random.chance(0.5)) return 'failed';
      arrived(world, process, request);
      return 'answer-lost';
    }
    await pool.wait(process.latencyMs(), onItsWay);
    if (process.state !== 'running') {
      if (process.state === 'dead' && !random.chance(ARRIVES_SHARE)) return await never();
      if (random.chance(LINGERS_SHARE)) await pool.wait(random.between(1, LATE_MS), onItsWay);
      if (request.what === 'transact')
        faults.see(process.state === 'dead' ? 'applied-after-death' : 'applied-while-paused');
    }
    if (fault === 'write-reply-lost') lostReplies.add(request);
    if (fault === 'write-doubled')
      pool.after(process.latencyMs(), { ...onItsWay, what: `${onItsWay.what} again` }, lands);
    arrived(world, process, request);
    // Both come after the landing, which is the next thing that happens.
    if (struck !== null) {
      queueMicrotask(() => struck('within'));
      afterwards.set(request, () => struck('after'));
    }
    return 'served';
  };

  const afterwards = new WeakMap<FakeRequest, () => void>();
  return {
    fate: (request) => (process.state === 'dead' ? never() : meet(request)),
    answering: async (request) => {
      if (lostReplies.has(request) || process.cut !== null) {
        await pool.wait(DEADLINE_MS, mine('reply was lost'));
        throw new UncertainError('asking the simulated Consul', { reason: 'consul-timeout' });
      }
      await pool.wait(process.latencyMs(), mine(`${request.what} is answered`));
      afterwards.get(request)?.();
      if (process.role !== 'api' || request.what !== 'read' || !world.apiDozes) return;
      world.apiDozes = false;
      world.strike(process, 'worker-paused');
    },
  };
}

/** Told before the write lands: whether its boot stands is judged by what is there now. */
function arrived(world: World, process: SimulatedProcess, request: FakeRequest): void {
  if (request.what !== 'transact') return;
  const { ops } = request;
  const stands = world.register.boots.get(process.boot)?.state === 'alive';
  if (isOwnBeat(world, process, ops) && world.register.boots.has(process.boot)) process.beatLanded();
  world.writes.push({ by: process, ops, stands });
}

/** Who takes another over looks at that one's beat, and takes it away. */
function isOwnBeat({ layout }: World, { boot }: SimulatedProcess, ops: readonly KvOp[]): boolean {
  const own = layout.beat(boot);
  return ops.some(({ key }) => key === own);
}

/** What a merged write is for; of several things the one that says most. Null: a beat, a boot's own key, a reading. */
function pointOf(world: World, process: SimulatedProcess, ops: readonly KvOp[]): WritePoint | null {
  if (process.role === 'api' || process.role === 'scrub')
    return ops.some(({ key }) => key.startsWith(world.layout.lanes)) ? 'admission' : null;
  if (ops.some(({ verb, key }) => verb === 'set' && ACTION.test(key))) return 'commit';
  for (const op of ops)
    if (op.verb === 'cas' && op.key.startsWith(world.layout.lanes))
      return pointOfLane(world, op.key, op.value);
  if (ops.some(({ key, verb }) => verb === 'delete' && key.startsWith(world.layout.owedTo('billing'))))
    return 'drain';
  const own = world.layout.boot(process.boot);
  const ofAnother = ops.find(
    ({ key, verb }) =>
      key.startsWith(world.layout.boots) && key !== own && (verb === 'cas' || verb === 'delete-cas'),
  );
  if (ofAnother === undefined) return null;
  return ofAnother.verb === 'cas' ? 'takeover' : 'clearance';
}

function pointOfLane(world: World, key: string, value: string): WritePoint {
  const attempt = (parsed(value) as Lane).entries[0]?.attempt ?? null;
  if (attempt === null) return 'give-back';
  const stored = world.consul.store.get(key);
  const before = stored === null ? null : ((parsed(stored.value) as Lane).entries[0]?.attempt ?? null);
  return before?.nonce === attempt.nonce ? 'ledger' : 'attempt';
}

function writes({ verb }: KvOp): boolean {
  return verb !== 'get' && verb !== 'check-index' && verb !== 'check-not-exists';
}

function aboutOf(request: FakeRequest): string {
  if (request.what === 'transact') return request.ops.map(({ verb, key }) => `${verb} ${key}`).join(', ');
  return request.what === 'read' ? request.prefixes.join(' ') : request.prefix;
}

/** What a dead process waits for does not come. */
export function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}
